//! Faults between a healthy server and its clients.

mod answer;
mod challenge;
mod metadata;
mod page;
mod tool;
mod way;

use crate::proxy::{Answered, Asked, Fault, Proxy};
use crate::support::{Running, compare, examined, target, token};

/// A name, the fault, and what has to be found; no other error may be.
struct Case(&'static str, Fault, &'static [&'static str]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_between_is_found_by_its_name() {
    let mut proxy = Proxy::bind().await;
    let demo = Running::start(Some(&proxy.origin)).await;
    proxy.serve(&demo.address);
    let johns = token(&proxy.origin, "johndoe").await;

    let mut wrong = Vec::new();
    for Case(name, fault, expected) in cases(&johns) {
        proxy.set(fault);
        let report = examined(&target(&proxy.url(), Some(&johns))).await;
        wrong.extend(compare(name, &report, expected));
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains(&johns), "{name}: the token is in the report");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cases(token: &str) -> Vec<Case> {
    let mut cases = vec![Case("no fault", Fault::none(), &[])];
    cases.extend(metadata::cases());
    cases.extend(challenge::cases(token));
    cases.extend(page::cases());
    cases.extend(way::cases());
    cases.extend(answer::cases());
    cases.extend(tool::cases());
    cases
}

/// Something is not there any more.
fn not_found(is_gone: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Fault {
    Fault::asking(move |asked| is_gone(asked).then(|| Answered::new(404, "text/plain", "not found")))
}
