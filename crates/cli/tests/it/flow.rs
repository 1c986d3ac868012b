use crate::demo::{Demo, json, stderr, stdout};

/// Over SSH there is no browser: the user types a code into one elsewhere.
#[test]
fn log_in_by_a_code_that_is_typed_elsewhere() {
    let demo = Demo::start();
    let url = demo.url.as_str();
    let login = demo.log_in_by_device(&["--json"]);
    assert_eq!(login.status.code(), Some(0), "{}", stderr(&login));
    assert_eq!(json(&login)["grant"], "device_code", "{}", stdout(&login));
    assert!(!stderr(&login).contains('\u{1b}'), "no picture where nobody looks: {}", stderr(&login));
    let tools = json(&demo.run(&["tools", url, "--json"]));
    assert!(tools["tools"].as_array().is_some_and(|list| !list.is_empty()));
    assert_eq!(demo.run(&["logout", url]).status.code(), Some(0));
}

/// Regression: the user's login went on as the client whose token had been kept, which has no redirect URI.
#[test]
fn a_user_logs_in_where_a_client_was_for_itself() {
    let client = r#"auth.clients=[{client_id="ci",client_name="CI",redirect_uris=[],grant_types=["client_credentials"],client_secret="a-long-secret-of-the-client"}]"#;
    let demo = Demo::start_with(&[client, r#"auth.own_access={ci="posts:read"}"#]);
    let mut call = demo.command(&["tools", &demo.url, "--client-id", "ci", "--client-credentials"]);
    let call = call.env("BAREWIRE_CLIENT_SECRET", "a-long-secret-of-the-client").output().unwrap();
    assert_eq!(call.status.code(), Some(0), "{}", stderr(&call));
    let login = demo.log_in(&["--json"]);
    assert_eq!(login.status.code(), Some(0), "{}", stderr(&login));
    let login = json(&login);
    assert_eq!(login["grant"], "authorization_code");
    assert_ne!(login["clientId"], "ci", "it registered by itself");
}

/// The README's commands and what follows from them, in the order a person would type them.
#[test]
fn log_in_list_call_step_up_answer_log_out() {
    let demo = Demo::start();
    let url = demo.url.as_str();

    // Nobody sits at this terminal, so a command does not open a browser: it says what to run.
    let refused = demo.run(&["tools", url]);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert!(stderr(&refused).contains(&format!("barewire login {url}")), "{}", stderr(&refused));

    let login = demo.log_in(&["--trace"]);
    assert_eq!(login.status.code(), Some(0), "{}", stderr(&login));
    let trace = stderr(&login);
    for step in
        ["401", "/.well-known/oauth-protected-resource", "/register", "/token", "RFC 9728", "OAuth 2.1"]
    {
        assert!(trace.contains(step), "the trace shows {step}:\n{trace}");
    }
    assert!(
        !trace.contains("code_verifier\":\"") && !trace.contains("eyJ"),
        "no secret in the trace:\n{trace}"
    );

    let tools = json(&demo.run(&["tools", url, "--json"]));
    assert!(tools["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "create_post"));
    assert!(stdout(&demo.run(&["tools", "show", url, "list_posts"])).contains("Input:"));
    assert!(json(&demo.run(&["resources", url, "--json"]))["resourceTemplates"].as_array().is_some());
    let post = demo.run(&["resources", "read", url, "post://1"]);
    assert_eq!(post.status.code(), Some(0), "{}", stderr(&post));
    assert!(
        json(&demo.run(&["prompts", url, "--json"]))["prompts"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    );
    // The README's own call finds something, and a number is one although the tool can do without it.
    let found = json(&demo.run(&["call", url, "search_posts", "query=bread", "--json"]));
    assert_ne!(found["structuredContent"]["posts"], serde_json::json!([]), "{found}");
    let two = json(&demo.run(&["call", url, "list_posts", "limit=2", "--json"]));
    assert_eq!(two["structuredContent"]["posts"].as_array().map(Vec::len), Some(2), "{two}");
    let unknown = demo.run(&["call", url, "lits_posts"]);
    assert_eq!(unknown.status.code(), Some(6), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains(&format!("barewire tools {url}")), "{}", stderr(&unknown));
    // What a host sees that shows apps.
    assert!(stdout(&demo.run(&["tools", url])).contains("Reads one post. (shown by ui://blog/post)"));
    assert!(
        stdout(&demo.run(&["tools", "show", url, "read_post"])).contains("Apps: shown by ui://blog/post.")
    );
    let resources = stdout(&demo.run(&["resources", url]));
    assert!(
        resources
            .lines()
            .any(|line| line.starts_with("ui://blog/post ") && line.ends_with("post-view (app)"))
    );
    let prompt = demo.run(&["prompts", "get", url, "summarize_post", "id=1"]);
    assert!(stdout(&prompt).starts_with("user:"), "{}{}", stdout(&prompt), stderr(&prompt));

    // `id` is an integer in the schema, so `id=1` is a number.
    let read = json(&demo.run(&["call", url, "read_post", "id=1", "--json"]));
    assert_eq!(read["structuredContent"]["id"], 1, "{read}");

    assert_eq!(json(&demo.run(&["call", url, "read_post", "id=1", "--as-app", "--json"])), read);
    let unknown = demo.run(&["call", url, "read_everything", "--as-app"]);
    assert_eq!(unknown.status.code(), Some(6), "{}", stderr(&unknown));

    // As a client of a time before structured content it is the same post, as text.
    let older = json(&demo.run(&["call", url, "read_post", "id=1", "--revision", "2025-03-26", "--json"]));
    assert!(older["structuredContent"].is_null() && older["content"][0]["text"].is_string(), "{older}");

    let missing = demo.run(&["call", url, "read_post", "id=999999"]);
    assert_eq!(missing.status.code(), Some(5), "{}", stderr(&missing));

    let too_little = demo.run(&["call", url, "create_post", "title=Hello", "content=Over the wire."]);
    assert_eq!(too_little.status.code(), Some(4), "{}", stderr(&too_little));
    assert!(stderr(&too_little).contains("--scope posts:write"), "{}", stderr(&too_little));

    let more = demo.log_in(&["--scope", "posts:write", "--json"]);
    let scopes = json(&more)["scopes"].to_string();
    assert!(scopes.contains("posts:write") && scopes.contains("posts:read"), "nothing is lost: {scopes}");
    let created =
        json(&demo.run(&["call", url, "create_post", "title=Hello", "content=Over the wire.", "--json"]));
    let id = created["structuredContent"]["id"].as_i64().unwrap_or_else(|| panic!("{created}"));

    let id = format!("id={id}");
    let unanswered = demo.run(&["call", url, "delete_post", &id]);
    let how = "--answer confirm=BOOLEAN";
    assert!(stderr(&unanswered).contains(how), "a question nobody answers is declined aloud");
    for (answer, says) in [("sure=true", how), ("confirm=perhaps", "type boolean")] {
        let other = demo.run(&["call", url, "delete_post", &id, "--answer", answer]);
        assert_eq!(
            other.status.code(),
            Some(2),
            "{answer} is no answer to this question: {}",
            stderr(&other)
        );
        assert!(stderr(&other).contains(says), "{}", stderr(&other));
    }
    assert_eq!(demo.run(&["call", url, "read_post", &id]).status.code(), Some(0), "and nothing was deleted");
    let deleted = demo.run(&["call", url, "delete_post", &id, "--answer", "confirm=true"]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    assert_eq!(demo.run(&["call", url, "read_post", &id]).status.code(), Some(5));

    let out = json(&demo.run(&["logout", url, "--json"]));
    assert_eq!(out["loggedOut"], true);
    assert_eq!(demo.run(&["tools", url]).status.code(), Some(4));
    assert_eq!(json(&demo.run(&["logout", url, "--json"]))["loggedOut"], false);
}
