//! A trial run against the authorization server itself: everything that is measured works, whatever it costs here.

use barewire_bench::oauth::options::Options;
use barewire_bench::oauth::report::{EMPTY, FULL, OURS, Report};
use barewire_bench::oauth::rows::Row;
use barewire_bench::oauth::run::run;
use barewire_testkit::TempDir;
use clap::Parser as _;

#[test]
fn a_trial_run_measures_all_rows_at_both_stores_and_a_sweep() {
    let folder = TempDir::new();
    let (json, page) = (folder.join("report.json"), folder.join("report.md"));
    let arguments = [
        "bench-oauth".as_ref(),
        "--quick".as_ref(),
        "--no-pin".as_ref(),
        "--peers=none".as_ref(),
        "--json".as_ref(),
        json.as_os_str(),
        "--markdown".as_ref(),
        page.as_os_str(),
    ];
    run(&Options::parse_from(arguments).effective()).unwrap();

    let report: Report = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    for store in [EMPTY, FULL] {
        for row in Row::ALL {
            let measured = report.rows.iter().find(|measured| measured.row == row && measured.store == store);
            let turns = &measured.unwrap().turns;
            assert!(turns.iter().all(|turn| turn.requests > 0 && turn.cpu_us > 0.0), "{row:?}: {turns:?}");
        }
    }
    assert!(report.rows.iter().all(|measured| measured.server == OURS));
    let grants: Vec<_> = report.stores.iter().map(|store| store.grants).collect();
    assert_eq!(grants, [640, 2_000]);
    assert_eq!(report.beside.len(), 3);
    let reaped = report.reaped.clone().unwrap();
    assert_eq!(reaped.grants, 200, "those of a tenth of the users");
    assert!(reaped.seconds.is_some(), "all of them were deleted: {reaped:?}");

    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page, report.page(), "the JSON holds all that the page says");
    for title in Row::ALL.map(Row::title) {
        assert_eq!(page.matches(&format!("| {title} |")).count(), 2, "{title}");
    }
    assert!(page.contains("trial run") && !page.contains("NaN"), "{page}");
}
