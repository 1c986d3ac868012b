//! Keeps `web/src/api/types.ts` equal to the types of this module.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use ts_rs::{Config, TS, TypeVisitor};

use super::{
    AddServer, Answer, Complete, Completion, ErrorBody, Event, ExchangeList, LoginStarted, PromptList,
    ResourceList, StartCall, StartLogin, State, TemplateList, ToolList,
};

const HEADER: &str = "// Generated from crates/host/src/api. Do not edit: change the Rust types, then run\n\
                      // BAREWIRE_BLESS=1 cargo test -p barewire-host typescript\n";

/// Collects the declaration of a type and of all that it mentions, by name.
struct Collect {
    config: Config,
    seen: HashSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl TypeVisitor for Collect {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_none() || !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        let text = format!("{}export {}\n", T::docs().unwrap_or_default(), T::decl(&self.config));
        let earlier = self.declarations.insert(T::ident(&self.config), text.clone());
        assert!(earlier.is_none_or(|it| it == text), "two types are called {}", T::ident(&self.config));
        T::visit_dependencies(self);
    }
}

fn generate() -> String {
    let mut collect = Collect {
        config: Config::new().with_large_int("number"),
        seen: HashSet::new(),
        declarations: BTreeMap::new(),
    };
    collect.visit::<State>();
    collect.visit::<AddServer>();
    collect.visit::<StartLogin>();
    collect.visit::<LoginStarted>();
    collect.visit::<ToolList>();
    collect.visit::<ResourceList>();
    collect.visit::<TemplateList>();
    collect.visit::<PromptList>();
    collect.visit::<Complete>();
    collect.visit::<Completion>();
    collect.visit::<StartCall>();
    collect.visit::<Answer>();
    collect.visit::<ExchangeList>();
    collect.visit::<Event>();
    collect.visit::<ErrorBody>();
    let mut text = HEADER.to_owned();
    for declaration in collect.declarations.values() {
        text.push('\n');
        for line in declaration.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_committed_typescript_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/src/api/types.ts");
    let generated = generate();
    if std::env::var_os("BAREWIRE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "web/src/api/types.ts is out of date: run this test with BAREWIRE_BLESS=1"
    );
}
