//! Many logins at once: right ones never stand in each other's way, wrong ones gain nothing by coming together.

use barewire_oauth_server::AuthConfig;
use barewire_testkit::Landing;
use futures_util::future::join_all;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::world::{CALLBACK, RawForm, World, config, has_session, query, set_cookies};

const GOOD: &[(&str, &str)] = &[("username", "johndoe"), ("password", "secret")];
const BAD: &[(&str, &str)] = &[("username", "johndoe"), ("password", "guess")];

/// Sends all of these at once, each out of a browser of its own; the answers in the same order.
async fn post_all(world: &World, fields: &[&[(&str, &str)]]) -> Vec<(StatusCode, String)> {
    let forms =
        join_all(fields.iter().map(|_| RawForm::get(world, world.at("/login"), "/login", None))).await;
    let posts = forms.iter().zip(fields).map(|(form, fields)| async {
        let answer = form.post(world, fields).await;
        (answer.status(), answer.text().await.unwrap())
    });
    join_all(posts).await
}

fn count(answers: &[(StatusCode, String)], status: StatusCode) -> usize {
    answers.iter().filter(|answer| answer.0 == status).count()
}

#[tokio::test]
async fn parallel_right_logins_all_succeed() {
    let world = World::new().await;
    for number in [20, 50] {
        let answers = post_all(&world, &vec![GOOD; number]).await;
        assert_eq!(count(&answers, StatusCode::SEE_OTHER), number, "{answers:?}");
    }
    // The whole way to the code, too.
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let ways = (0..50).map(|_| async {
        let mut browser = barewire_testkit::Browser::new();
        let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
        query(&callback).contains_key("code")
    });
    assert!(join_all(ways).await.into_iter().all(|code| code));
}

#[tokio::test]
async fn parallel_guesses_get_the_tries_of_serial_ones() {
    let world = World::with(AuthConfig { login_free_attempts: 3, ..config() }).await;
    for _ in 0..2 {
        let answers = post_all(&world, &[BAD; 30]).await;
        let tried = count(&answers, StatusCode::FORBIDDEN);
        assert_eq!((tried, count(&answers, StatusCode::TOO_MANY_REQUESTS)), (3, 27));
        // What is right comes too late now, and learns why.
        let (status, text) = post_all(&world, &[GOOD]).await.remove(0);
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(text.contains("too many wrong passwords"), "{text}");
        // A name that does not exist is answered alike.
        let nobody = [("username", "nobody"), ("password", "secret")];
        let answers = post_all(&world, &[&nobody[..]; 6]).await;
        assert_eq!(count(&answers, StatusCode::FORBIDDEN), 3);
        world.advance(config().login_memory.as_secs());
    }
    // After the wait: one try, not one for each who waited.
    post_all(&world, &[BAD; 3]).await;
    world.advance(1);
    assert_eq!(count(&post_all(&world, &[BAD; 10]).await, StatusCode::FORBIDDEN), 1);
}

#[tokio::test]
async fn a_few_wrong_passwords_do_not_stop_the_right_ones_beside_them() {
    let world = World::with(AuthConfig { login_free_attempts: 3, ..config() }).await;
    let mut fields = vec![GOOD; 20];
    fields[3] = BAD;
    fields[11] = BAD;
    let answers = post_all(&world, &fields).await;
    assert_eq!(count(&answers, StatusCode::SEE_OTHER), 18);
    assert_eq!(count(&answers, StatusCode::FORBIDDEN), 2);
}

#[tokio::test]
async fn who_finds_no_room_is_not_told_of_wrong_passwords() {
    let crowded = [
        AuthConfig { login_queue: 1, ..config() },
        AuthConfig { password_hashers: 1, password_queue: 0, login_free_attempts: 1, ..config() },
    ];
    for settings in crowded {
        let world = World::with(settings).await;
        let jane: &[(&str, &str)] = &[("username", "janedoe"), GOOD[1]];
        let answers = post_all(&world, &[[GOOD; 10], [jane; 10]].concat()).await;
        for (status, text) in &answers {
            match *status {
                StatusCode::SEE_OTHER => {}
                StatusCode::SERVICE_UNAVAILABLE => assert!(!text.contains("wrong password"), "{text}"),
                other => panic!("{other}"),
            }
        }
        // Nobody looked at those passwords, so none of them counts.
        assert_eq!(post_all(&world, &[GOOD]).await[0].0, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_right_login_whose_browser_went_away_does_not_count_as_wrong() {
    let world = World::with(AuthConfig { login_free_attempts: 1, ..config() }).await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let body = format!("csrf={}&username=johndoe&password=secret", form.csrf);
    for _ in 0..10 {
        let mut connection = TcpStream::connect(("127.0.0.1", world.url.port().unwrap())).await.unwrap();
        let request = format!(
            "POST /login HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {}\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{body}",
            form.cookie,
            body.len()
        );
        connection.write_all(request.as_bytes()).await.unwrap();
    }
    assert_eq!(post_all(&world, &[GOOD]).await[0].0, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waits_while_the_password_changes_starts_no_session() {
    // One hasher and slow hashes: the change overtakes logins that have read the old password and wait for their turn.
    let slow =
        AuthConfig { password_hashers: 1, password_memory_kib: 16 * 1024, password_passes: 2, ..config() };
    let world = World::with(slow).await;
    let mut owner = world.signed_in("johndoe").await;
    let page = owner.open(&world.at("/account/password")).await.unwrap();
    let form = page.form_with("current").unwrap();
    let change = form.fill("current", "secret").fill("new", "a horse and a battery");
    let login = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let thieves = join_all((0..12).map(|_| login.post(&world, GOOD)));
    let (answers, changed) = tokio::join!(thieves, owner.submit(&page, &change, None));
    let Landing::Page(after) = changed.unwrap() else { panic!("the browser left") };
    assert!(after.text().contains("Changed just now"), "{}", after.text());
    let mut late = 0;
    for answer in answers {
        late += usize::from(answer.status() == StatusCode::FORBIDDEN);
        for cookie in set_cookies(&answer) {
            let cookie = cookie.split(';').next().unwrap();
            assert!(!has_session(&world, cookie).await, "a session with the old password lives on");
        }
    }
    assert!(late > 0, "no login was overtaken, so this shows nothing");
}
