//! Faults between a healthy server and its clients.

use serde_json::{Value, json};

use crate::proxy::{Answered, Asked, Fault, Proxy, Streams};
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
    cases.extend(metadata());
    cases.extend(challenges(token));
    cases.extend(pages());
    cases.extend(ways());
    cases.extend(answers());
    cases
}

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// Another document at every place of the resource's metadata.
fn resource(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.path.starts_with(RESOURCE) {
            answered.edit(&change);
        }
    })
}

fn server(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.path.starts_with(SERVER) || asked.path.starts_with(OPENID) {
            answered.edit(&change);
        }
    })
}

fn not_found(is_gone: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Fault {
    Fault::asking(move |asked| is_gone(asked).then(|| Answered::new(404, "text/plain", "not found")))
}

fn metadata() -> Vec<Case> {
    let page = "<!doctype html><title>App</title><div id=app></div>";
    vec![
        Case(
            "wrong resource",
            resource(|it| it["resource"] = json!("https://other.example/mcp")),
            &["error metadata.resource"],
        ),
        Case(
            "resource of the whole origin",
            resource(|it| {
                let resource = it["resource"].as_str().unwrap().trim_end_matches("/mcp").to_owned();
                it["resource"] = json!(resource);
            }),
            &["warning metadata.resource"],
        ),
        Case(
            "no metadata",
            not_found(|asked| asked.path.starts_with(RESOURCE)),
            &["error discovery.named", "error discovery.found"],
        ),
        Case(
            "a web application answers for the well-known path",
            Fault::asking(move |asked| {
                (asked.path == RESOURCE).then(|| Answered::new(200, "text/html", page))
            }),
            &["warning discovery.root"],
        ),
        Case(
            "the challenge names a place that is not there",
            Fault::answering(|_, answered| {
                if let Some(value) = answered.headers.get_mut("www-authenticate") {
                    let wrong = value.to_str().unwrap().replace("/mcp\"", "/elsewhere\"");
                    *value = wrong.parse().unwrap();
                }
            }),
            &["error discovery.named"],
        ),
        Case(
            "metadata as plain text",
            Fault::answering(|asked, answered| {
                if asked.path.starts_with(RESOURCE) {
                    answered.headers.insert("content-type", "text/plain".parse().unwrap());
                }
            }),
            &["warning discovery.media_type"],
        ),
        Case(
            "no authorization server",
            resource(|it| it["authorization_servers"] = json!([])),
            &["error metadata.authorization_servers"],
        ),
        Case(
            "offline_access in the metadata",
            resource(|it| it["scopes_supported"] = json!(["posts:read", "offline_access"])),
            &["warning metadata.offline_access"],
        ),
        Case(
            "no metadata of the authorization server",
            not_found(|asked| asked.path.starts_with(SERVER) || asked.path.starts_with(OPENID)),
            &["error authserver.metadata"],
        ),
        Case(
            "another issuer",
            server(|it| it["issuer"] = json!(format!("{}/", it["issuer"].as_str().unwrap()))),
            &["error authserver.issuer"],
        ),
        Case(
            "no PKCE",
            server(|it| it["code_challenge_methods_supported"] = Value::Null),
            &["error authserver.pkce"],
        ),
        Case(
            "no token endpoint",
            server(|it| it["token_endpoint"] = Value::Null),
            &["error authserver.endpoints"],
        ),
        Case(
            "an endpoint without TLS",
            server(|it| it["registration_endpoint"] = json!("http://login.invalid/register")),
            &["error authserver.secure"],
        ),
        Case(
            "nobody can register",
            server(|it| {
                it["registration_endpoint"] = Value::Null;
                it["client_id_metadata_document_supported"] = json!(false);
            }),
            &["warning authserver.registration"],
        ),
        Case(
            "the token endpoint is elsewhere",
            not_found(|asked| asked.path == "/token"),
            &["error authserver.token"],
        ),
        Case(
            "the authorization endpoint is elsewhere",
            not_found(|asked| asked.path == "/authorize"),
            &["error authserver.authorize"],
        ),
        Case(
            "no keys",
            not_found(|asked| asked.path == "/jwks" || asked.path.contains("jwks")),
            &["error authserver.keys"],
        ),
    ]
}

fn challenges(token: &str) -> Vec<Case> {
    let bearer = format!("Bearer {token}");
    let in_session = bearer.clone();
    vec![
        Case(
            "403 without a challenge",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.status == 401 {
                    *answered = Answered::new(403, "text/plain", "Forbidden");
                }
            }),
            &["error challenge.status"],
        ),
        Case(
            "the challenge is taken away",
            Fault::answering(|_, answered| answered.remove("www-authenticate")),
            &["warning challenge.present"],
        ),
        Case(
            "the challenge is renamed",
            Fault::answering(|_, answered| {
                if let Some(value) = answered.headers.remove("www-authenticate") {
                    answered.headers.insert("x-amzn-remapped-www-authenticate", value);
                }
            }),
            &["error challenge.present"],
        ),
        Case(
            "every token will do",
            Fault::asking(move |asked| {
                if asked.is_mcp() && asked.headers.contains_key("authorization") {
                    asked.headers.insert("authorization", bearer.parse().unwrap());
                }
                None
            }),
            &["error challenge.made_up_token"],
        ),
        Case(
            "the session is as good as the token",
            Fault::asking(move |asked| {
                if asked.headers.contains_key("mcp-session-id") {
                    asked.headers.insert("authorization", in_session.parse().unwrap());
                }
                None
            }),
            &["error session.token"],
        ),
        Case(
            "the token is taken away",
            Fault::asking(|asked| {
                asked.remove("authorization");
                None
            }),
            &["error token.accepted", "warning challenge.invalid_token"],
        ),
    ]
}

fn pages() -> Vec<Case> {
    fn forget(answered: &mut Answered) {
        let names: Vec<_> = answered
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("access-control-"))
            .cloned()
            .collect();
        for name in names {
            answered.headers.remove(name);
        }
    }
    vec![
        Case("no CORS", Fault::answering(|_, answered| forget(answered)), &["warning cors.allowed"]),
        Case(
            "no CORS on the refusal",
            Fault::answering(|_, answered| {
                if answered.status == 401 {
                    forget(answered);
                }
            }),
            &["error cors.refusal"],
        ),
        Case(
            "the challenge is not exposed",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.headers.contains_key("access-control-expose-headers") {
                    answered
                        .headers
                        .insert("access-control-expose-headers", "mcp-session-id".parse().unwrap());
                }
            }),
            &["error cors.refusal"],
        ),
        Case(
            "the session is not exposed",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.headers.contains_key("access-control-expose-headers") {
                    answered
                        .headers
                        .insert("access-control-expose-headers", "www-authenticate".parse().unwrap());
                }
            }),
            &["error cors.session"],
        ),
        Case(
            "the preflight wants a token",
            Fault::asking(|asked| {
                (asked.method == http::Method::OPTIONS && asked.is_mcp()).then(|| Answered::new(401, "", ""))
            }),
            &["error cors.preflight"],
        ),
        Case(
            "the preflight allows everything but the token",
            Fault::answering(|asked, answered| {
                if asked.method == http::Method::OPTIONS && asked.is_mcp() {
                    answered.headers.insert("access-control-allow-headers", "*".parse().unwrap());
                }
            }),
            &["error cors.headers"],
        ),
        Case(
            "no CORS on the metadata",
            Fault::answering(|asked, answered| {
                if asked.path.starts_with("/.well-known/") {
                    forget(answered);
                }
            }),
            &["error cors.metadata"],
        ),
    ]
}

fn ways() -> Vec<Case> {
    fn without(name: &'static str) -> Fault {
        Fault::asking(move |asked| {
            asked.remove(name);
            None
        })
    }
    let redirect = |from: &'static str, to: &'static str, status| {
        Fault::asking(move |asked| {
            (asked.path == from).then(|| Answered::new(status, "", "").with("location", to))
        })
    };
    vec![
        Case("/mcp/ redirects", redirect("/mcp/", "/mcp", 307), &["warning redirect.slash"]),
        Case("/mcp redirects", redirect("/mcp", "/mcp/", 307), &["error redirect.endpoint"]),
        Case(
            "/mcp redirects and the POST becomes a GET",
            redirect("/mcp", "/mcp/", 301),
            &["error redirect.endpoint"],
        ),
        Case(
            "MCP-Protocol-Version is taken away",
            without("mcp-protocol-version"),
            &["error header.arrive", "warning header.version"],
        ),
        Case("Mcp-Method is taken away", without("mcp-method"), &["error header.arrive"]),
        Case("Mcp-Name is taken away", without("mcp-name"), &["error header.arrive"]),
        Case("Mcp-Session-Id is taken away", without("mcp-session-id"), &["error header.session"]),
        Case(
            "Mcp-Session-Id is taken away on the way back",
            Fault::answering(|_, answered| answered.remove("mcp-session-id")),
            &["error header.session"],
        ),
        Case("events are held back", Fault::streams(Streams::HoldEvents), &["error stream.flows"]),
        Case(
            "streams are held back",
            Fault::streams(Streams::HoldAll),
            &["error stream.flows", "error stream.get"],
        ),
        Case(
            "streams are compressed",
            Fault::answering(|asked, answered| {
                if answered.stream && asked.headers.contains_key("accept-encoding") {
                    answered.headers.insert("content-encoding", "gzip".parse().unwrap());
                }
            }),
            &["warning stream.compressed"],
        ),
        Case(
            "X-Accel-Buffering is taken away",
            Fault::answering(|_, answered| answered.remove("x-accel-buffering")),
            &["warning stream.unbuffered"],
        ),
        Case(
            "a proxy shows itself",
            Fault::answering(|_, answered| {
                answered.headers.insert("via", "1.1 squid".parse().unwrap());
            }),
            &["info header.between"],
        ),
        Case(
            "the public name is refused",
            Fault::asking(|asked| {
                asked
                    .is_mcp()
                    .then(|| Answered::new(403, "application/json", r#"{"error":"Host not allowed"}"#))
            }),
            &["error reach.own_name"],
        ),
        Case(
            "too many requests",
            Fault::asking(|asked| {
                (asked.rpc() == "tools/list").then(|| Answered::new(429, "", "").with("retry-after", "60"))
            }),
            &["warning reach.rate_limited", "error list.answered"],
        ),
    ]
}

fn answers() -> Vec<Case> {
    fn mcp(answer: impl Fn(&Asked) -> Option<Answered> + Send + Sync + 'static) -> Fault {
        Fault::asking(move |asked| if asked.is_mcp() { answer(asked) } else { None })
    }
    fn modern(asked: &Asked) -> bool {
        asked.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28")
    }
    vec![
        Case(
            "everything fails",
            mcp(|_| Some(Answered::new(500, "text/plain", "Internal Server Error"))),
            &["error reach.failing"],
        ),
        Case(
            "the server behind is down",
            mcp(|_| Some(Answered::new(502, "text/html", "<html>Bad Gateway</html>"))),
            &["error reach.failing"],
        ),
        Case(
            "a web page",
            mcp(|_| Some(Answered::new(200, "text/html", "<!doctype html><title>Welcome</title>"))),
            &["error reach.answers"],
        ),
        Case("nothing at this path", not_found(Asked::is_mcp), &["error reach.answers"]),
        Case(
            "the modern era makes it fail",
            mcp(|asked| modern(asked).then(|| Answered::new(500, "text/plain", "Internal Server Error"))),
            &["warning reach.failing", "warning revision.fallback", "info revision.modern"],
        ),
        Case(
            "an unknown proposal is refused",
            mcp(|asked| {
                let proposed = asked.json()["params"]["protocolVersion"].clone();
                let error = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "error": { "code": -32602, "message": "unsupported" } });
                (proposed == "1900-01-01").then(|| Answered::new(400, "application/json", error.to_string()))
            }),
            &["error revision.proposal"],
        ),
        Case(
            "an unknown revision is served",
            Fault::asking(|asked| {
                if asked.rpc() == "server/discover" {
                    asked.headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
                    let body =
                        String::from_utf8(asked.body.to_vec()).unwrap().replace("1900-01-01", "2026-07-28");
                    asked.body = body.into();
                }
                None
            }),
            &["error revision.unknown", "warning header.required"],
        ),
        Case(
            "headers are not compared",
            Fault::asking(|asked| {
                let method = asked.rpc();
                if asked.headers.contains_key("mcp-method") && !method.is_empty() {
                    asked.headers.insert("mcp-method", method.parse().unwrap());
                }
                None
            }),
            &["error header.compared"],
        ),
        Case(
            "an unknown method succeeds",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "barewire-doctor-does-not-exist" {
                    let result = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": {} });
                    *answered = Answered::new(200, "application/json", result.to_string());
                }
            }),
            &["error refusal.method"],
        ),
        Case(
            "ids become numbers",
            Fault::answering(|asked, answered| {
                if asked.json()["id"] == "barewire-doctor" {
                    answered.edit(|message| message["id"] = json!(7));
                }
            }),
            &["error refusal.id"],
        ),
        Case(
            "a stack trace",
            Fault::answering(|asked, answered| {
                if asked.body.starts_with(br#"{"jsonrpc": "2.0", "id": 1, "method": "#) {
                    *answered =
                        Answered::new(500, "text/plain", "Traceback (most recent call last):\n  File");
                }
            }),
            &["warning refusal.trace", "warning refusal.failure", "warning refusal.json"],
        ),
        Case(
            "an unknown session is answered 400",
            Fault::answering(|asked, answered| {
                if answered.status == 404 && asked.headers.contains_key("mcp-session-id") {
                    answered.status = http::StatusCode::BAD_REQUEST;
                }
            }),
            &["error session.unknown", "error session.ended"],
        ),
        Case(
            "a list that never ends",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    let tool =
                        json!({ "name": "one", "description": "One.", "inputSchema": { "type": "object" } });
                    let page = json!({ "resultType": "complete", "tools": [tool], "nextCursor": "again", "ttlMs": 0, "cacheScope": "private" });
                    let message = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": page });
                    *answered = Answered::new(200, "application/json", message.to_string());
                }
            }),
            &["error list.ends", "error list.unique"],
        ),
        Case(
            "a null cursor",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    answered.edit(|message| message["result"]["nextCursor"] = Value::Null);
                }
            }),
            &["warning list.null_cursor"],
        ),
        Case(
            "no hints for caches",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    answered.edit(|message| {
                        message["result"].as_object_mut().unwrap().remove("ttlMs");
                        message["result"].as_object_mut().unwrap().remove("resultType");
                    });
                }
            }),
            &["warning list.cache", "warning list.result_type"],
        ),
        Case(
            "bad tools",
            tools(bad_tools),
            &[
                "error schema.input",
                "error schema.output",
                "error schema.unresolved",
                "error schema.mirrored",
                "error list.unique",
                "warning schema.name",
                "warning schema.host_name",
                "warning schema.dot",
                "warning schema.description",
                "warning schema.description_length",
                "warning schema.icons",
                "warning schema.hints",
                "warning schema.root_composition",
                "warning schema.external",
                "info schema.references",
                "warning schema.items",
                "warning schema.properties",
                "info schema.dialect",
            ],
        ),
        Case("too many tools", tools(many_tools), &["warning schema.count", "warning list.size"]),
    ]
}

fn tools(make: fn() -> Value) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.rpc() == "tools/list" && answered.status == 200 {
            answered.edit(|message| message["result"]["tools"] = make());
        }
    })
}

fn bad_tools() -> Value {
    let tool =
        |name: &str, schema: Value| json!({ "name": name, "description": "A tool.", "inputSchema": schema });
    let object = json!({ "type": "object" });
    let with = |name: &str, member: &str, value: Value| {
        let mut tool = tool(name, json!({ "type": "object" }));
        tool[member] = value;
        tool
    };
    json!([
        tool("no_type", json!({})),
        tool("twice", object.clone()),
        tool("twice", object.clone()),
        tool("has a space", object.clone()),
        tool("with.dot", object.clone()),
        tool(&"long_name_".repeat(6), object.clone()),
        tool("alternatives", json!({ "type": "object", "anyOf": [{ "required": ["a"] }] })),
        tool("nowhere", json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/gone" } } })),
        tool(
            "elsewhere",
            json!({ "type": "object", "properties": { "a": { "$ref": "https://schemas.invalid/a" } } })
        ),
        tool("list", json!({ "type": "object", "properties": { "a": { "type": "array" } } })),
        tool("brackets", json!({ "type": "object", "properties": { "filter[id]": { "type": "string" } } })),
        tool("old", json!({ "type": "object", "$schema": "http://json-schema.org/draft-04/schema#" })),
        tool(
            "mirrored",
            json!({ "type": "object", "properties": { "a": { "type": "number", "x-mcp-header": "A" } } })
        ),
        with("silent", "description", json!("")),
        with("talkative", "description", json!("word ".repeat(600))),
        with("array_out", "outputSchema", json!({ "type": "array", "items": {} })),
        with("icon", "icons", json!([{ "src": "http://icons.invalid/i.png" }])),
        with("both", "annotations", json!({ "readOnlyHint": true, "destructiveHint": true })),
    ])
}

fn many_tools() -> Value {
    let description =
        "This tool does one thing, and it says so at some length, as tools that are made by a program do. "
            .repeat(9);
    let tools: Vec<Value> = (0..150)
        .map(|n| json!({ "name": format!("tool_{n}"), "description": description, "inputSchema": { "type": "object" } }))
        .collect();
    json!(tools)
}
