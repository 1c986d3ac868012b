//! A server without a fault: ours. Those of others are examined by `cargo xtask interop`.

use barewire_doctor::{Posture, Report, Severity, Target};
use url::Url;

use crate::support::{Running, check, examined, target, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_demo_has_no_error() {
    let demo = Running::start(None).await;
    let origin: Url = format!("http://{}", demo.address).parse().unwrap();
    let url = format!("{origin}mcp");

    let outside = examined(&target(&url, None)).await;
    check("without a token", &outside, &[]);
    assert_eq!(outside.server.authorization, Posture::Required);
    assert_eq!(warnings(&outside), [""; 0]);

    let (johns, janes) = (token(&origin, "johndoe").await, token(&origin, "janedoe").await);
    let both = Target { second_token: Some(janes.as_str().into()), ..target(&url, Some(&johns)) };
    let inside = examined(&both).await;
    check("with two tokens", &inside, &[]);
    assert_eq!(warnings(&inside), [""; 0]);
    let spoken: Vec<&str> = inside
        .server
        .revisions
        .iter()
        .filter(|it| it.spoken == Some(true))
        .map(|it| it.revision.as_str())
        .collect();
    assert!(spoken.contains(&"2026-07-28") && spoken.contains(&"2025-11-25"), "{spoken:?}");
    for id in ["session.owner", "session.token", "token.audience", "stream.flows", "schema.input"] {
        let finding = inside.findings.iter().find(|finding| finding.id == id).unwrap();
        assert_eq!(finding.severity, Severity::Ok, "{id}: {}", finding.observed);
    }
    let json = serde_json::to_string(&inside).unwrap();
    assert!(!json.contains(&johns) && !json.contains(&janes), "a token is in the report");
}

fn warnings(report: &Report) -> Vec<String> {
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    warnings.map(|finding| format!("{}: {}", finding.id, finding.observed)).collect()
}
