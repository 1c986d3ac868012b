//! Settings: defaults, then the file, then the environment, then `--set`; a later one wins.
//!
//! `schema.rs` is what there is, from the types; `example.rs` writes that as a file; `sources.rs` reads what is set;
//! `mistakes.rs` says what is wrong with it.

mod example;
mod mistakes;
mod schema;
mod sources;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::example::{example, key, toml};
pub(crate) use self::mistakes::{Mistake, discriminator, kind, refusal};
pub(crate) use self::schema::{Shape, is_secret, schema, shape};
pub(crate) use self::sources::{DEFAULT, Sources};
use crate::arguments::Common;
use crate::outcome::Failure;

/// Everything that can be set, by section. A name that does not exist is an error, never ignored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What `barewire serve` puts together, and where.
    pub(crate) server: barewire_demo::ServerConfig,
    /// Listening and connections: times and limits, for `serve`, `demo` and `host`.
    pub(crate) serve: barewire_serve::ServeConfig,
    /// Databases: what seals the secrets in them.
    pub(crate) store: barewire_store::StoreConfig,
    /// The authorization server: lifetimes and limits.
    pub(crate) auth: barewire_oauth_server::AuthConfig,
    /// Other people's authorization servers: whose tokens open the MCP server.
    pub(crate) external: barewire_issuers::ExternalConfig,
    /// The MCP server: limits and times.
    pub(crate) mcp: barewire_mcp_server::Limits,
    /// The audit log.
    pub(crate) audit: barewire_audit::AuditConfig,
    /// The connection funnel.
    pub(crate) funnel: barewire_audit::FunnelConfig,
    /// Metrics for Prometheus.
    pub(crate) metrics: barewire_audit::MetricsConfig,
    /// The host: its origin, limits and times.
    pub(crate) host: barewire_host::HostConfig,
    /// What an examination may cost.
    pub(crate) doctor: barewire_doctor::DoctorConfig,
    /// What a replay may cost.
    pub(crate) replay: barewire_replay::ReplayConfig,
}

impl Settings {
    /// The folder that was named, or else that of the server which has these settings.
    pub(crate) fn data_dir(&self, named: Option<&PathBuf>) -> PathBuf {
        named.unwrap_or(&self.server.data_dir).clone()
    }

    /// Refuses settings that are given to a command which has no use for any: a name that is written wrong is told everywhere.
    pub(crate) fn check(common: &Common) -> Result<(), Failure> {
        if common.settings.is_empty() && common.config.is_none() {
            return Ok(());
        }
        Settings::load(common).map(drop)
    }

    /// Reads all four sources.
    pub(crate) fn load(common: &Common) -> Result<Settings, Failure> {
        let sources = Sources::read(common.config.as_deref(), &common.settings)?;
        sources.settings().map_err(|mistakes| refusal(&mistakes))
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};
    use serde_json::{Value, json};

    use super::schema::{defaults, words};
    use super::*;

    fn load(settings: &[&str]) -> Result<Settings, String> {
        let common = Common {
            json: false,
            trace: false,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            config: None,
            credentials: None,
        };
        Settings::load(&common).map_err(|failure| failure.to_string())
    }

    #[test]
    fn short_lifetimes_can_be_set() {
        let settings = load(&["auth.access_token_ttl=8s", "mcp.max_body_bytes=1000"]).unwrap();
        assert_eq!(settings.auth.access_token_ttl.as_secs(), 8);
        assert_eq!(settings.mcp.max_body_bytes, 1000);
    }

    /// What is read from TOML with nothing before it and nothing else beside it.
    fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
        Figment::from(Toml::string(text)).extract().unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The example with everything in it set.
    fn uncommented() -> String {
        let setting =
            |line: &str| line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("#:");
        let lines = example();
        let lines = lines.lines().map(|line| if setting(line) { &line[1..] } else { line });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn validator() -> jsonschema::Validator {
        jsonschema::options().build(schema()).unwrap()
    }

    #[test]
    fn the_example_and_the_schema_have_the_defaults_of_the_types() {
        let expected = format!("{:#?}", Settings::default());
        assert_eq!(format!("{:#?}", read::<Settings>(&example())), expected);
        assert_eq!(format!("{:#?}", load(&[]).unwrap()), expected);
        let from_schema: Settings = serde_json::from_value(defaults(schema())).unwrap();
        assert_eq!(format!("{from_schema:#?}"), expected);
    }

    #[test]
    fn the_example_fits_the_schema_as_it_is_and_with_everything_set() {
        let validator = validator();
        for text in [example(), uncommented()] {
            let errors: Vec<_> = validator
                .iter_errors(&read(&text))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            let _: Settings = read(&text);
        }
        assert!(uncommented().contains("\n[[auth.clients]]\n"));
        assert_eq!(uncommented().matches("\n[[auth.trusted_issuers]]\n").count(), 2);
    }

    /// Calls it with the path and the schema of every setting.
    fn each_setting(schema: &Value, path: &str, check: &mut impl FnMut(&str, &Value)) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            check(&path, property);
            // What has an example of its own is shown in one piece.
            if !property["examples"].is_array() {
                each_setting(property, &path, check);
            }
        }
        for inner in
            [&schema["items"], &schema["additionalProperties"]].into_iter().filter(|one| one.is_object())
        {
            each_setting(inner, path, check);
        }
        for kind in schema["oneOf"].as_array().into_iter().flatten() {
            each_setting(kind, path, check);
        }
    }

    #[test]
    fn every_setting_is_explained_and_has_a_default_or_an_example() {
        let text = example();
        let mut count = 0;
        each_setting(schema(), "", &mut |path, setting| {
            count += 1;
            let of_kind = setting["const"].is_string();
            let description = setting["description"].as_str().unwrap_or_default();
            assert!(of_kind || !description.is_empty(), "{path} is not explained");
            assert!(
                !description.contains("::") && !description.replace("`](https", "").contains("`]"),
                "{path} speaks of Rust: {description}"
            );
            assert_eq!(setting["title"].as_str().unwrap().rsplit('.').next(), path.rsplit('.').next());
            let is_table = setting["properties"].is_object() || setting["additionalProperties"].is_object();
            let of_tables =
                setting["items"]["properties"].is_object() || setting["items"]["oneOf"][0].is_object();
            let has_value = !setting["default"].is_null() || setting["examples"].is_array();
            assert!(of_kind || is_table || of_tables || has_value, "{path} has neither default nor example");
            let empty = setting["default"] == json!([]) || setting["default"] == json!({});
            assert!(
                !empty || is_table || of_tables || setting["examples"].is_array(),
                "{path} has no example"
            );
            let name = path.rsplit('.').next().unwrap();
            let shown = text.lines().any(|line| {
                let line = line.trim_start_matches('#');
                line.starts_with(&format!("{name} = "))
                    || line.contains(&format!(".{name}]"))
                    || line.contains(&format!(".{name}."))
                    || line == format!("[{name}]")
            });
            assert!(shown, "the example does not show {path}");
        });
        assert!(count > 250, "only {count} settings");
    }

    #[test]
    fn the_schema_refuses_what_a_start_refuses() {
        let validator = validator();
        for (text, good) in [
            ("[auth]\naccess_token_ttl = \"8s\"", true),
            ("[auth]\naccess_token_ttl = \" 1h 30m \"", true),
            ("[auth]\naccess_token_ttl = \"0.5h\"", true),
            ("[auth]\naccess_token_ttl = \"8\"", false),
            ("[auth]\naccess_token_ttl = \"soon\"", false),
            ("[auth]\naccess_token_ttl = \"\"", false),
            ("[auth]\naccess_token_ttl = 8", false),
            ("[auth]\nacess_token_ttl = \"8s\"", false),
            ("[auht]\naccess_token_ttl = \"8s\"", false),
            ("[auth]\nmax_clients = -1", false),
            ("[auth]\nmax_clients = 5000000000", false),
            ("[auth]\nmax_clients = 1.5", false),
            ("[auth]\ndynamic_registration = \"yes\"", false),
            ("[auth]\ndpop = \"required\"", true),
            ("[auth]\ndpop = \"always\"", false),
            ("[serve]\nmax_connections = 0", false),
            ("[[auth.clients]]\nclient_id = \"a\"\nclient_name = \"A\"", true),
            ("[[auth.clients]]\nclient_id = \"a\"", false),
            ("[auth.clients]\nclient_id = \"a\"", false),
            ("[[auth.clients]]\nclient_id = \"a\"\nclient_name = \"A\"\ndemands = { dpop = true }", false),
            ("[auth.upstream.x]\nissuer = \"https://x.example\"\nclient_id = \"a\"", true),
            ("[auth.upstream.x]\nissuer = \"https://x.example\"", false),
            (
                "[[auth.trusted_issuers]]\nissuer = \"i\"\njwks_uri = \"j\"\nkind = \"id_jag\"\nscopes = \"a\"",
                true,
            ),
            ("[[auth.trusted_issuers]]\nissuer = \"i\"\njwks_uri = \"j\"\nscopes = \"a\"", false),
            (
                "[[auth.trusted_issuers]]\nissuer = \"i\"\njwks_uri = \"j\"\nkind = \"idjag\"\nscopes = \"a\"",
                false,
            ),
            (
                "[[auth.trusted_issuers]]\nissuer = \"i\"\njwks_uri = \"j\"\nkind = \"id_jag\"\nscopes = \"a\"\nx = 1",
                false,
            ),
        ] {
            let folder = barewire_testkit::TempDir::new();
            let file = folder.join("settings.toml");
            std::fs::write(&file, text).unwrap();
            let loaded = Sources::read(Some(&file), &[]).unwrap().settings();
            assert_eq!(loaded.is_ok(), good, "{text}: {loaded:?}");
            assert_eq!(validator.is_valid(&read(text)), good, "the schema: {text}");
        }
    }

    /// A file of `docs/`, and what stands in it today.
    fn documented(name: &str) -> (PathBuf, String) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        (path, text)
    }

    /// `cargo xtask settings` writes them.
    #[test]
    fn the_files_are_what_the_types_say() {
        let (guide_path, guide) = documented("configuration.md");
        let (before, rest) = guide.split_once("```toml\n").unwrap();
        let (_, after) = rest.split_once("```\n").unwrap();
        let expected =
            [(guide_path, format!("{before}```toml\n{}```\n{after}", example()), guide.clone()), {
                let (path, text) = documented("barewire.schema.json");
                (path, format!("{:#}\n", schema()), text)
            }];
        for (path, expected, found) in expected {
            if std::env::var_os("BAREWIRE_WRITE_SETTINGS").is_some() {
                std::fs::write(path, expected).unwrap();
            } else {
                assert!(
                    expected == found,
                    "{} is not what it should be: cargo xtask settings",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn a_mistake_is_named_with_what_was_meant() {
        let check = |setting: &str, expected: &str| {
            let error = load(&[setting]).expect_err(setting);
            assert_eq!(error, format!("{expected} (from --set)"), "{setting}");
        };
        check(
            "auth.acess_token_ttl=8s",
            "auth.acess_token_ttl: there is no such setting; did you mean access_token_ttl?",
        );
        check("auht.access_token_ttl=8s", "auht: there is no such setting; did you mean auth?");
        check("auth.max_tasks=8", "auth.max_tasks: there is no such setting; did you mean mcp.max_tasks?");
        check("auth.zzz=8", "auth.zzz: there is no such setting");
        check(
            "auth.access_token_ttl=soon",
            "auth.access_token_ttl: it has to be a time such as \"8s\" or \"10m\", not \"soon\"",
        );
        check(
            "auth.access_token_ttl=8",
            "auth.access_token_ttl: it has to be a time such as \"8s\" or \"10m\", not \"8\"",
        );
        check(
            "mcp.max_body_bytes=many",
            "mcp.max_body_bytes: it has to be a whole number from 0 on, not \"many\"",
        );
        check(
            "auth.max_clients=-1",
            "auth.max_clients: it has to be a whole number from 0 to 4294967295, not -1",
        );
        check(
            "auth.dpop=ofered",
            "auth.dpop: it has to be one of \"off\", \"offered\", \"required\", not \"ofered\"; did you mean offered?",
        );
        check(
            "auth.dpop=[]",
            "auth.dpop: it has to be one of \"off\", \"offered\", \"required\", not \"[]\"",
        );
        check("auth.passkeys=yes", "auth.passkeys: it has to be true or false, not \"yes\"");
        check("auth.clients=x", "auth.clients: it has to be a list, not \"x\"");
        check("auth.clients=[{client_id=a}]", "auth.clients[0].client_name: it has to be set, to a text");
        let own = load(&["auth.own_access.reports=a\"b"]).unwrap_err();
        assert!(own.starts_with("auth.own_access.reports: "), "{own}");
        let two = load(&["auth.passkeys=1", "auth.device_flow=2"]).unwrap_err();
        assert_eq!(two.lines().count(), 3, "{two}");
    }

    #[test]
    fn a_secret_of_digits_is_a_text_and_is_not_shown() {
        let settings = load(&[
            "auth.upstream.x.issuer=https://x.example",
            "auth.upstream.x.client_id=1",
            "auth.upstream.x.client_secret=1234567890",
        ]);
        assert_eq!(settings.unwrap().auth.upstream["x"].client_id, "1");
        let error =
            load(&["auth.upstream.x.client_secret.hush=1", "auth.clients=[{client_secret=77}]"]).unwrap_err();
        assert!(error.contains("client_secret: it has to be a text (from"), "{error}");
        assert!(!error.contains("77"), "{error}");
    }

    #[test]
    fn a_table_in_part_keeps_the_other_defaults() {
        let settings = load(&["host.login.dpop=never"]).unwrap();
        assert_eq!(settings.host.login.client_name, Settings::default().host.login.client_name);
    }

    #[test]
    fn words_are_those_of_the_types() {
        let dpop = &schema()["properties"]["auth"]["properties"]["dpop"];
        let (words, meanings): (Vec<_>, Vec<_>) = words(dpop).into_iter().unzip();
        assert_eq!(words, ["off", "offered", "required"]);
        assert!(meanings.iter().all(Option::is_some));
    }

    #[test]
    fn what_does_not_exist_or_does_not_fit_is_refused_by_name() {
        for (setting, expected) in [
            ("auth.acess_token_ttl=8s", "acess_token_ttl"),
            ("auht.access_token_ttl=8s", "auht"),
            ("auth.access_token_ttl=soon", "auth.access_token_ttl"),
            ("mcp.max_body_bytes=many", "mcp.max_body_bytes"),
            ("access_token_ttl=8s", "SECTION.NAME=VALUE"),
            ("auth.access_token_ttl", "SECTION.NAME=VALUE"),
        ] {
            let error = load(&[setting]).expect_err(setting);
            assert!(error.contains(expected), "{setting}: {error}");
            assert!(!error.contains("::"), "{setting} speaks of Rust types: {error}");
        }
    }
}
