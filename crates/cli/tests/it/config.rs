//! `barewire config`: the file with everything, what is wrong with one, and what counts in the end.

use barewire_testkit::TempDir;

use crate::demo::{barewire, json, stderr, stdout};

#[test]
fn the_example_is_a_good_file_and_the_schema_is_beside_it() {
    let dir = TempDir::new();
    let example = barewire().args(["config", "example"]).output().unwrap();
    let text = stdout(&example);
    assert!(text.starts_with("#:schema ./barewire.schema.json\n"), "{text}");
    let file = dir.join("barewire.toml");
    std::fs::write(&file, &text).unwrap();
    let checked = barewire().args(["config", "check"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("barewire.toml"), "{}", stdout(&checked));
    let schema = json(&barewire().args(["config", "schema"]).output().unwrap());
    assert_eq!(schema["properties"]["auth"]["properties"]["access_token_ttl"]["default"], "15m");
    // What is in the file is from the file, though it is the default.
    let shown =
        barewire().args(["config", "show", "--changed", "--json", "--config"]).arg(&file).output().unwrap();
    assert!(json(&shown)["settings"]["mcp.max_tasks"]["source"].as_str().unwrap().ends_with("barewire.toml"));
}

#[test]
fn mistakes_are_all_told_with_their_sources() {
    let dir = TempDir::new();
    let file = dir.join("barewire.toml");
    std::fs::write(&file, "[auth]\nacess_token_ttl = \"8s\"\npasskeys = \"no\"\n").unwrap();
    let check = || {
        let mut command = barewire();
        command.args(["config", "check", "--set", "mcp.max_taks=1"]).arg(&file);
        command.env("BAREWIRE_AUTH__GRANT_TTL", "long");
        command
    };
    let output = check().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    for line in [
        "4 mistakes",
        "auth.acess_token_ttl: there is no such setting; did you mean access_token_ttl? (from ",
        "auth.passkeys: it has to be true or false, not \"no\" (from ",
        "auth.grant_ttl: it has to be a time such as \"8s\" or \"10m\", not \"long\" (from BAREWIRE_AUTH__GRANT_TTL)",
        "mcp.max_taks: there is no such setting; did you mean max_tasks? (from --set)",
        "barewire config example",
    ] {
        assert!(said.contains(line), "{line} is missing in {said}");
    }
    let output = check().arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output);
    assert_eq!((&report["ok"], report["mistakes"].as_array().unwrap().len()), (&false.into(), 4));
    let of_token =
        report["mistakes"].as_array().unwrap().iter().find(|one| one["didYouMean"] == "access_token_ttl");
    assert!(of_token.is_some_and(|one| one["setting"] == "auth.acess_token_ttl"), "{report}");

    // What only fits together, and what is no TOML.
    for (text, expected) in [
        ("[auth]\naccess_token_ttl = \"25h\"\n", "auth.access_token_ttl: at most 24h"),
        ("[host]\npublic_origin = \"https://mcp.example.com/host\"\n", "is not an origin"),
        (
            "[auth.upstream.x]\nissuer = \"https://idp.example\"\nclient_id = \"c\"\n",
            "auth.upstream.x: it needs one of client_secret",
        ),
        ("[[external.jwt]]\nissuer = \"http://as.example\"\n", "external: "),
        ("[auth\n", "cannot be read"),
        ("[mpc]\nmax_tasks = 3\n", "mpc: there is no such setting; did you mean mcp?"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = barewire().args(["config", "check"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(expected), "{text}: {}", stderr(&output));
    }
}

#[test]
fn what_counts_is_shown_with_its_source_and_without_secrets() {
    let dir = TempDir::new();
    let file = dir.join("barewire.toml");
    let text = "\
        [auth]\naccess_token_ttl = \"1m\"\ngrant_ttl = \"90d\"\n\
        [[auth.clients]]\nclient_id = \"c\"\nclient_name = \"C\"\nclient_secret = \"a-secret-that-nobody-guesses\"\n\
        [auth.upstream.corporate]\nissuer = \"https://idp.example\"\nclient_id = \"c\"\n";
    std::fs::write(&file, text).unwrap();
    let show = |more: &[&str]| {
        let mut command = barewire();
        command.args(["config", "show", "--set", "auth.grant_ttl=1d"]).args(more).arg("--config").arg(&file);
        command.env("BAREWIRE_AUTH__UPSTREAM__CORPORATE__CLIENT_SECRET", "31415926535897932384626");
        command.output().unwrap()
    };
    let all = stdout(&show(&[]));
    for line in [
        "[auth]\naccess_token_ttl = \"1m\"  # ",
        "grant_ttl = \"1d\"  # --set\n",
        "code_ttl = \"1m\"  # default\n",
        "# client_address_header is not set\n",
        "[auth.upstream.corporate]\n",
        "client_secret = \"(hidden)\"  # BAREWIRE_AUTH__UPSTREAM__CORPORATE__CLIENT_SECRET\n",
        "recheck_interval = \"5m\"  # default\n",
    ] {
        assert!(all.contains(line), "{line} is missing in {all}");
    }
    let report = json(&show(&["--json", "--changed"]));
    assert_eq!(report["settings"]["auth.clients"]["value"][0]["client_secret"], "(hidden)");
    assert_eq!(report["settings"]["auth.upstream.corporate.issuer"]["value"], "https://idp.example");
    assert!(report["settings"].get("auth.code_ttl").is_none());
    for secret in ["nobody-guesses", "31415926535897932384626"] {
        assert!(!all.contains(secret) && !report.to_string().contains(secret), "{all}");
    }
}
