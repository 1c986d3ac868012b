//! Skills: nothing is read before it is needed, and nothing is used that is not what was listed.

use barewire_mcp::types::skills::{FileDigest, Skill, SkillFile, SkillResources, front_matter};
use barewire_mcp_client::{Client, ClientOptions, SkillError};
use serde_json::{Value, json};

use crate::stage::{Seen, Stage};

const PDF: &str = "---\nname: pdf\ndescription: Fills forms.\n---\nSee references/FORMS.md.\n";
const SKILL: &str = "skill://office/pdf/SKILL.md";
const FORMS: &str = "skill://office/pdf/references/FORMS.md";

fn entry() -> Value {
    let file = |uri: &str, bytes: &str| SkillFile {
        uri: uri.to_owned(),
        digest: FileDigest::of(bytes.as_bytes()),
        size: bytes.len() as u64,
    };
    let files = vec![file(SKILL, PDF), file(FORMS, "# Forms")];
    let frontmatter = front_matter(PDF.as_bytes()).unwrap();
    json!(Skill { uri: SKILL.to_owned(), frontmatter, resources: SkillResources::Files(files) })
}

/// A server with one skill, whose entry and files are as given.
async fn server(entry: Value, file: impl Fn(&str) -> Value + Send + Sync + 'static) -> (Stage, Client) {
    let stage = Stage::new(move |seen: Seen| {
        let complete = |mut result: Value| {
            result["resultType"] = json!("complete");
            result["ttlMs"] = json!(0);
            result["cacheScope"] = json!("private");
            seen.result(result)
        };
        let uri = seen.json()["params"]["uri"].as_str().unwrap_or_default().to_owned();
        match seen.method().as_str() {
            "server/discover" => complete(json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "resources": {}, "extensions": { "io.modelcontextprotocol/skills": {} } },
            })),
            "skills/list" => complete(json!({ "skills": [entry] })),
            "skills/get" => complete(json!({ "skill": entry })),
            "resources/read" => complete(json!({ "contents": [file(&uri)] })),
            _ => seen.error(404, json!({ "code": -32601, "message": "unknown" })),
        }
    })
    .await;
    let client = Client::connect(stage.url(), ClientOptions::new("tester", "1")).await.unwrap();
    (stage, client)
}

fn honest(uri: &str) -> Value {
    match uri {
        SKILL => json!({ "uri": uri, "text": PDF }),
        // "# Forms"
        _ => json!({ "uri": uri, "blob": "IyBGb3Jtcw==" }),
    }
}

#[tokio::test]
async fn a_file_is_read_when_it_is_needed() {
    let (stage, client) = server(entry(), honest).await;
    let [skill] = client.list_skills().await.unwrap().try_into().unwrap();
    assert_eq!((skill.name(), skill.description()), ("pdf", "Fills forms."));
    assert_eq!(stage.story(), ["server/discover", "skills/list"], "nothing ahead of need");
    let loaded = client.load_skill(skill).await.unwrap();
    assert_eq!(loaded.instructions(), PDF);
    assert_eq!(client.read_skill_file(&loaded, "references/FORMS.md").await.unwrap(), b"# Forms");
    assert_eq!(client.get_skill(SKILL).await.unwrap(), *loaded.entry());
    let before = stage.story().len();
    for other in ["references/NEW.md", "../other/SKILL.md", ""] {
        let refused = client.read_skill_file(&loaded, other).await.unwrap_err();
        assert!(matches!(refused, SkillError::Fault(_)), "{refused}");
    }
    assert_eq!(stage.story().len(), before, "what is not listed is not asked for");
    let folder = client.read_directory("skill://office/pdf").await.unwrap_err();
    assert_eq!(folder.to_string(), "the server does not offer the reading of folders");
}

#[tokio::test]
async fn what_is_not_as_listed_is_not_used() {
    let refused = async |entry: Value, file: fn(&str) -> Value| {
        let (_stage, client) = server(entry, file).await;
        let [skill] = client.list_skills().await.unwrap().try_into().unwrap();
        let error = match client.load_skill(skill).await {
            Ok(loaded) => client.read_skill_file(&loaded, "references/FORMS.md").await.unwrap_err(),
            Err(error) => error,
        };
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    let altered = |uri: &str| json!({ "uri": uri, "text": PDF.replace("Fills", "Burns") });
    assert!(refused(entry(), altered).await.contains("has the digest"));
    let longer = |uri: &str| json!({ "uri": uri, "text": format!("{PDF}More.") });
    assert!(refused(entry(), longer).await.ends_with(&format!("bytes and not {}", PDF.len())));
    let forms = |uri: &str| if uri == SKILL { honest(uri) } else { json!({ "uri": uri, "text": "# forms" }) };
    assert!(refused(entry(), forms).await.contains("FORMS.md has the digest"));
    let elsewhere = |_: &str| json!({ "uri": "skill://other/SKILL.md", "text": PDF });
    assert!(refused(entry(), elsewhere).await.contains("of something else"));
    let mut promises = entry();
    promises["frontmatter"]["description"] = json!("Waters plants.");
    assert_eq!(refused(promises, honest).await, "SKILL.md and the skill's entry differ in `description`");
}

#[tokio::test]
async fn an_entry_that_breaks_a_rule_is_left_out() {
    let mut wrong = entry();
    wrong["frontmatter"]["name"] = json!("other");
    let (_stage, client) = server(wrong, honest).await;
    assert_eq!(client.list_skills().await.unwrap(), []);
    assert!(matches!(client.get_skill(SKILL).await.unwrap_err(), SkillError::Fault(_)));

    let (_stage, client) = server(entry(), honest).await;
    let another = client.get_skill("skill://another/SKILL.md").await.unwrap_err();
    assert!(matches!(another, SkillError::Fault(_)), "the answer is about another skill");

    let bare = Stage::new(|seen| seen.discovered()).await;
    let client = Client::connect(bare.url(), ClientOptions::new("tester", "1")).await.unwrap();
    assert_eq!(client.list_skills().await.unwrap_err().to_string(), "the server does not offer skills");
}
