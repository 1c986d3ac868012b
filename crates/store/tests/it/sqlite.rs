//! Every law on SQLite.

use barewire_store::Store;
use barewire_testkit::TempDir;

macro_rules! laws {
    ($($module:ident: $($law:ident),+;)+) => {$(
        mod $module {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                let (_dir, store) = crate::sqlite::open().await;
                crate::laws::$module::$law(&store).await;
            })+
        }
    )+

        /// All of them one after the other, each on a store of its own.
        pub(crate) async fn every_law() {
            $($({
                let (_dir, store) = open().await;
                crate::laws::$module::$law(&store).await;
            })+)+
        }
    };
}

laws! {
    people:
        a_user_is_unique_by_id_and_name,
        a_password_changes_once,
        a_login_with_a_replaced_password_starts_nothing,
        a_session_replaces_the_one_before,
        a_user_keeps_the_newest_sessions,
        a_users_sessions_are_listed_and_ended,
        every_parallel_attempt_counts,
        attempts_are_bounded,
        a_consent_is_replaced;
    clients:
        a_client_is_kept_whole,
        a_configured_client_is_replaced_but_keeps_its_use,
        a_client_that_is_configured_no_more_is_gone,
        equal_registrations_are_one_client,
        room_is_made_in_order,
        a_flood_makes_room_at_its_own_cost,
        who_registers_again_is_not_the_next_to_go,
        a_full_house_says_so,
        configured_clients_take_no_room,
        a_client_that_gets_tokens_is_activated,
        a_registration_is_replaced_by_compare_and_set,
        a_client_is_deleted_with_all_that_it_has;
    codes:
        a_code_is_kept_whole,
        one_of_many_redemptions_wins,
        a_lost_redemption_leaves_nothing,
        a_redemption_is_whole_or_not_at_all,
        a_grant_can_be_added_by_itself,
        a_grant_is_revoked_once,
        revoked_access_tokens_are_remembered;
    devices:
        a_device_is_kept_whole,
        one_decision_and_one_redemption_count,
        room_for_devices_is_made_by_who_has_most;
    pushed_requests:
        a_request_is_kept_whole_and_used_once,
        a_request_lasts_until_it_expires,
        a_flood_of_requests_costs_its_source;
    changes:
        changes_are_numbered_in_the_order_in_which_they_happen;
    oversight:
        users_are_listed_in_the_order_of_their_names,
        who_is_disabled_has_nothing_left_to_get_in_by,
        only_an_administrator_of_that_moment_demotes_or_disables,
        an_administrator_resets_what_a_person_signs_in_with,
        clients_are_listed_with_those_that_have_documents,
        a_client_is_disabled_whether_it_is_stored_or_not,
        an_added_client_is_nobody_elses_to_delete,
        the_grants_of_a_client_end_in_steps;
    families:
        one_of_many_rotations_wins,
        a_rotation_is_kept_whole,
        a_revoked_grant_is_not_rotated;
    grants:
        a_grant_is_narrowed_by_compare_and_set,
        what_was_taken_is_not_remembered,
        a_connection_ends_whole,
        grants_are_listed_in_pages;
    second_factors:
        an_app_asks_for_nothing_until_it_is_confirmed,
        a_replaced_password_changes_no_app,
        of_many_that_bring_one_code_one_wins,
        recovery_codes_are_used_once;
    passkeys:
        a_passkey_is_kept_whole_and_is_one_users,
        a_challenge_is_answered_once,
        a_counter_is_compared_and_set;
    statements:
        a_statement_is_used_once,
        used_statements_are_bounded;
    upstream:
        a_login_elsewhere_is_kept_whole_and_answered_once,
        a_flood_of_logins_elsewhere_costs_its_source,
        an_account_is_one_users,
        what_came_of_an_account_ends_with_it,
        a_session_begins_with_its_bounds_or_not_at_all,
        what_a_provider_says_is_compared_and_set,
        what_a_provider_said_goes_with_the_last_that_needs_it,
        a_device_is_allowed_within_its_users_bounds;
    keys:
        keys_come_one_after_the_other,
        a_secret_is_made_once;
    sweep:
        a_sweep_takes_what_is_over_and_nothing_else,
        who_has_nothing_to_come_back_with_is_forgotten;
}

pub(crate) async fn open() -> (TempDir, Store) {
    let dir = TempDir::new();
    let store = Store::open(dir.join("store.sqlite")).await.unwrap();
    (dir, store)
}
