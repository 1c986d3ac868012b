//! A skill with a file and a folder in its folder.

use barewire_mcp_server::{McpServerBuilder, Skill};

const SKILL: &str = "\
---
name: pdf-processing
description: Fills and assembles PDF documents.
metadata:
  version: \"1.0\"
---
# PDF processing

Choose a template from `templates/`, and see `references/FORMS.md` for forms.
";

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    builder.skill(
        Skill::new(SKILL)
            .file("references/FORMS.md", "# Forms\n")
            .file("templates/invoice.md", "# Invoice\n")
            .file("templates/regional/eu-invoice.md", "# Invoice in the EU\n"),
    )
}
