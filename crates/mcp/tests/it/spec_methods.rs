//! The method table of each wire module is that of the revision's schema.

use std::collections::BTreeSet;

use barewire_mcp::revision::Revision;
use barewire_mcp::wire::{Method, legacy};
use serde_json::Value;

use crate::spec;

fn check(test: &str, revision: &str, table: &[Method]) {
    let Some(folder) = spec::folder(test) else { return };
    let schema: Value =
        serde_json::from_str(&spec::text(&folder.join(revision).join("schema.json"))).unwrap();
    let definitions = schema.get("$defs").or_else(|| schema.get("definitions")).unwrap();
    let in_schema: BTreeSet<&str> = definitions
        .as_object()
        .unwrap()
        .values()
        .filter_map(|definition| definition.pointer("/properties/method/const")?.as_str())
        .collect();
    let in_table: BTreeSet<&str> = table.iter().map(|method| method.name).collect();
    assert_eq!(in_table, in_schema);
    assert_eq!(in_table.len(), table.len(), "a method is there twice");
}

#[test]
fn methods() {
    for revision in Revision::ALL {
        check("methods", revision.as_str(), legacy::methods(revision));
    }
}
