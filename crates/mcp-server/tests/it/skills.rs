//! Skills: what is listed, what is read, and whose they are.

use barewire_mcp_server::types::skills::Skill as Entry;
use barewire_mcp_server::{Limits, McpServer, McpServerBuilder, Skill};
use barewire_testkit::TempDir;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Server, resource_server};

const PDF: &str = "---\nname: pdf\ndescription: Fills forms.\nlicense: MIT\n---\nSee references/FORMS.md.\n";

fn pdf() -> Skill {
    Skill::new(PDF)
        .file("references/FORMS.md", "# Forms")
        .file("references/deep/a.bin", [0xff, 0xfe])
        .below("office")
}

fn builder() -> McpServerBuilder {
    McpServer::builder("x", "1").skill(pdf())
}

async fn entries(client: &Client) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut params = json!({});
    loop {
        let reply = client.request(1, "skills/list", params).await;
        let skills = reply.result()["skills"].as_array().unwrap();
        entries.extend(skills.iter().map(|skill| serde_json::from_value(skill.clone()).unwrap()));
        match &reply.result()["nextCursor"] {
            Value::Null => return entries,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

#[tokio::test]
async fn every_file_is_what_the_list_says() {
    let server = Server::start(builder().build().unwrap()).await;
    let client = server.modern();
    let discovered = client.request(1, "server/discover", json!({})).await;
    let declared = &discovered.result()["capabilities"];
    assert_eq!(declared["extensions"]["io.modelcontextprotocol/skills"], json!({ "directoryRead": true }));
    assert!(declared["resources"].is_object());

    let [skill] = entries(&client).await.try_into().unwrap();
    assert_eq!(skill.uri, "skill://office/pdf/SKILL.md");
    assert_eq!(
        Value::Object(skill.frontmatter.clone()),
        json!({ "name": "pdf", "description": "Fills forms.", "license": "MIT" })
    );
    assert_eq!(skill.check(), Ok(()));
    for (path, contents) in [
        ("SKILL.md", json!({ "mimeType": "text/markdown", "text": PDF })),
        ("references/FORMS.md", json!({ "mimeType": "text/markdown", "text": "# Forms" })),
        ("references/deep/a.bin", json!({ "mimeType": "application/octet-stream", "blob": "//4=" })),
    ] {
        let uri = format!("skill://office/pdf/{path}");
        let reply = client.request(1, "resources/read", json!({ "uri": uri })).await;
        let mut expected = contents;
        expected["uri"] = json!(uri);
        assert_eq!(reply.result()["contents"], json!([expected]));
        let bytes = expected["text"].as_str().map_or(vec![0xff, 0xfe], |text| text.as_bytes().to_vec());
        assert_eq!(skill.verify(&uri, &bytes), Ok(()));
    }
    let got = client.request(1, "skills/get", json!({ "uri": skill.uri })).await;
    assert_eq!(got.result()["skill"], json!(skill));
    assert_eq!((&got.result()["ttlMs"], &got.result()["cacheScope"]), (&json!(60_000), &json!("public")));
    // Whoever knows nothing of skills finds the instructions, and not each of their files.
    let listed = client.request(1, "resources/list", json!({})).await;
    let resource = json!({
        "uri": skill.uri, "name": "pdf", "description": "Fills forms.", "mimeType": "text/markdown", "size": PDF.len(),
    });
    assert_eq!(listed.result()["resources"], json!([resource]));
}

#[tokio::test]
async fn a_folder_says_what_is_directly_in_it() {
    let limits = Limits { page_size: 1, ..Limits::default() };
    let server = Server::start(builder().limits(limits).build().unwrap()).await;
    let client = server.modern();
    let read = async |uri: &str, cursor: &Value| {
        let mut params = json!({ "uri": uri });
        if !cursor.is_null() {
            params["cursor"] = cursor.clone();
        }
        client.request(1, "resources/directory/read", params).await
    };
    let mut found = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let reply = read("skill://office/pdf", &cursor).await;
        let [child] = reply.result()["resources"].as_array().unwrap().as_slice() else { panic!() };
        found.push((child["uri"].clone(), child["mimeType"].clone()));
        cursor = reply.result()["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
        let elsewhere = read("skill://office/pdf/references", &cursor).await;
        assert_eq!(elsewhere.body["error"]["code"], -32602, "a cursor is of one folder");
    }
    let folder = |uri: &str, kind: &str| (json!(uri), json!(kind));
    assert_eq!(
        found,
        [
            folder("skill://office/pdf/SKILL.md", "text/markdown"),
            folder("skill://office/pdf/references", "inode/directory"),
        ]
    );
    for (uri, message) in [
        ("skill://office/pdf/SKILL.md", "a file and not a folder"),
        ("skill://office/pdf/", "not found"),
        ("skill://office", "not found"),
    ] {
        let reply = read(uri, &Value::Null).await;
        assert_eq!(reply.body["error"]["code"], -32602, "{uri}");
        assert!(reply.body["error"]["message"].as_str().unwrap().contains(message), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_skill_is_seen_by_whom_it_is_for() {
    let hidden = Skill::new(PDF.replace("pdf", "secret"))
        .file("notes.md", "for Ann")
        .visible_to(|who| who.is_some_and(|who| who.subject == "ann"));
    let server = builder().skill(hidden).auth(resource_server()).build().unwrap();
    let server = Server::start(server).await;
    let (ann, bob) = (server.modern().with_token("ann.read"), server.modern().with_token("bob.read"));
    assert_eq!(entries(&ann).await.len(), 2);
    assert_eq!(entries(&bob).await.len(), 1);
    for (method, uri) in [
        ("skills/get", "skill://secret/SKILL.md"),
        ("resources/read", "skill://secret/SKILL.md"),
        ("resources/read", "skill://secret/notes.md"),
        ("resources/directory/read", "skill://secret"),
        ("resources/directory/read", "skill://secret/notes.md"),
    ] {
        let reply = bob.request(1, method, json!({ "uri": uri })).await;
        assert_eq!(reply.body["error"]["code"], -32602, "{method} {uri}");
        let none = uri.replace("secret", "none");
        let unknown = bob.request(1, method, json!({ "uri": none })).await.body.to_string();
        assert_eq!(reply.body.to_string(), unknown.replace(&none, uri), "as if it were not there");
        if method != "resources/directory/read" || !uri.ends_with(".md") {
            assert!(ann.request(1, method, json!({ "uri": uri })).await.body["result"].is_object());
        }
    }
}

#[tokio::test]
async fn who_has_no_skills_knows_no_such_methods() {
    let none = Server::start(McpServer::builder("x", "1").build().unwrap()).await;
    let some = Server::start(builder().build().unwrap()).await;
    for method in ["skills/list", "skills/get", "resources/directory/read"] {
        let params = json!({ "uri": "skill://office/pdf" });
        let reply = none.modern().request(1, method, params.clone()).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
        let legacy = some.legacy().await.request(1, method, params).await;
        assert_eq!(legacy.body["error"]["code"], -32601, "the extension is of the newest revision");
    }
}

#[test]
fn what_hosts_would_refuse_is_found_at_start() {
    let check = |skill: Skill, expected: &str| {
        let error = McpServer::builder("x", "1").skill(skill).build().err().unwrap();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert_eq!(format!("{error}: {source}"), expected);
    };
    let with = |yaml: &str| Skill::new(format!("---\n{yaml}\n---\n"));
    check(
        Skill::new("# PDF"),
        "the skill # PDF cannot be offered: SKILL.md has no front matter that can be read: the first line is not `---`",
    );
    check(with("name: pdf"), "the skill pdf cannot be offered: the front matter has no `description`");
    check(
        with("name: PDF\ndescription: x"),
        "the skill PDF cannot be offered: the name \"PDF\" is not the folder's, or not 1 to 64 of a-z, 0-9 and single hyphens \
         within",
    );
    for path in ["../a", "a b", "/a", ""] {
        check(
            pdf().file(path, ""),
            &format!(
                "the skill pdf cannot be offered: skill://office/pdf/{path} is not an address within the skill's folder"
            ),
        );
    }
    let twice = McpServer::builder("x", "1").skill(pdf()).skill(pdf()).build().err().unwrap();
    assert_eq!(twice.to_string(), "skill://office/pdf/SKILL.md is registered twice");
}

#[tokio::test]
async fn a_folder_on_disk_is_a_skill() {
    let dir = TempDir::new();
    std::fs::create_dir(dir.join("references")).unwrap();
    std::fs::write(dir.join("SKILL.md"), PDF).unwrap();
    std::fs::write(dir.join("references/FORMS.md"), "# Forms").unwrap();
    std::fs::write(dir.join(".hidden"), "no").unwrap();
    let skill = Skill::folder(dir.path()).unwrap();
    let server = Server::start(McpServer::builder("x", "1").skill(skill).build().unwrap()).await;
    let [skill] = entries(&server.modern()).await.try_into().unwrap();
    let json = serde_json::to_value(&skill).unwrap();
    let uris: Vec<_> = json["resources"].as_array().unwrap().iter().map(|file| &file["uri"]).collect();
    assert_eq!(uris, ["skill://pdf/SKILL.md", "skill://pdf/references/FORMS.md"]);

    std::os::unix::fs::symlink("/etc/hostname", dir.join("link")).unwrap();
    let refused = Skill::folder(dir.path()).err().unwrap().to_string();
    assert_eq!(refused, format!("{} cannot be part of a skill", dir.join("link").display()));
    std::fs::remove_file(dir.join("link")).unwrap();
    for number in 0..511 {
        std::fs::write(dir.join(number.to_string()), "").unwrap();
    }
    assert!(Skill::folder(dir.path()).err().unwrap().to_string().contains("more than 512 files"));
}
