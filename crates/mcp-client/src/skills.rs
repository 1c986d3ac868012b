//! Skills of a server: which there are, and their files, checked
//! ([Skills](https://modelcontextprotocol.io/seps/2640-skills-extension)).
//!
//! Nothing is read before it is needed, and nothing that was read is given out before it was checked: an application cannot
//! forget it. What a skill says is untrusted all the same; a digest only tells that it is what was listed.

use barewire_mcp::types::input::InputAnswers;
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::types::resources::{ReadResourceRequest, Resource, ResourceBody};
use barewire_mcp::types::skills::{
    DIRECTORY_READ, EXTENSION, Skill, SkillFault, SkillsRequest, SkillsResult,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::{CallOptions, Client, another};
use crate::error::CallError;

/// Why a skill was not loaded, or a file of it not read.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// The server does not declare this part of the extension.
    #[error("the server does not offer {what}")]
    NotOffered {
        /// `skills`, or the reading of folders.
        what: &'static str,
    },
    /// The request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It is not what was listed. It may have been changed since, by mistake or on purpose; listing anew tells, and a user
    /// who agreed to the skill has to be asked again.
    #[error("the skill is not what the server listed")]
    Fault(#[from] SkillFault),
}

/// A skill whose instructions have been read and checked. It holds the entry that it was loaded by: files that were added
/// to the skill since are none of it.
#[derive(Debug, Clone)]
pub struct LoadedSkill {
    entry: Skill,
    instructions: String,
}

impl LoadedSkill {
    /// The entry that it was loaded by.
    #[must_use]
    pub fn entry(&self) -> &Skill {
        &self.entry
    }

    /// The text of its `SKILL.md`.
    #[must_use]
    pub fn instructions(&self) -> &str {
        &self.instructions
    }
}

impl Client {
    /// All skills that the server lists. It may have others, which [`Client::get_skill`] finds. Entries that break a rule
    /// are left out, with a line in the log.
    ///
    /// # Errors
    /// [`SkillError`]
    pub async fn list_skills(&self) -> Result<Vec<Skill>, SkillError> {
        self.offers_skills()?;
        let listed = self.connection().list_skills().await?;
        let in_order = |skill: &Skill| match skill.check() {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!(skill = %skill.uri, reason = %fault, "the skill is left out");
                false
            }
        };
        Ok(listed.into_iter().filter(in_order).collect())
    }

    /// One skill, by the address of its `SKILL.md`.
    ///
    /// # Errors
    /// [`SkillError`]
    pub async fn get_skill(&self, uri: &str) -> Result<Skill, SkillError> {
        self.offers_skills()?;
        let request = SkillsRequest::Get { uri: uri.to_owned() };
        let skill = match self.run(Operation::Skills(request), &CallOptions::default()).await? {
            Outcome::Skills(SkillsResult::Get(result)) => result.skill,
            _ => return Err(another("skills/get").into()),
        };
        if skill.uri != uri {
            return Err(SkillFault::Address(skill.uri).into());
        }
        skill.check()?;
        Ok(skill)
    }

    /// Reads a skill's instructions: of its files, this one only.
    ///
    /// # Errors
    /// [`SkillError`]
    pub async fn load_skill(&self, entry: Skill) -> Result<LoadedSkill, SkillError> {
        entry.check()?;
        let bytes = self.read_checked(&entry, &entry.uri).await?;
        let instructions =
            String::from_utf8(bytes).map_err(|_| SkillFault::FrontMatter("it is not UTF-8".to_owned()))?;
        Ok(LoadedSkill { entry, instructions })
    }

    /// Reads a file of a skill, by its path in the skill's folder, such as `references/FORMS.md`.
    ///
    /// # Errors
    /// [`SkillError`]
    pub async fn read_skill_file(&self, skill: &LoadedSkill, path: &str) -> Result<Vec<u8>, SkillError> {
        let uri = format!("{}/{path}", skill.entry.folder());
        self.read_checked(&skill.entry, &uri).await
    }

    /// What is directly in a folder now. It may be ahead of the entry of a skill, and adds nothing to it.
    ///
    /// # Errors
    /// [`SkillError`]
    pub async fn read_directory(&self, uri: &str) -> Result<Vec<Resource>, SkillError> {
        let settings = self.offers_skills()?;
        if settings.get(DIRECTORY_READ) != Some(&true.into()) {
            return Err(SkillError::NotOffered { what: "the reading of folders" });
        }
        Ok(self.connection().read_directory(uri).await?)
    }

    /// A file that is not in the entry is not asked for.
    async fn read_checked(&self, entry: &Skill, uri: &str) -> Result<Vec<u8>, SkillError> {
        entry.lists(uri)?;
        let request = ReadResourceRequest { uri: uri.to_owned(), answers: InputAnswers::default() };
        let contents = match self.run(Operation::ReadResource(request), &CallOptions::default()).await? {
            Outcome::ReadResource(result) => result.contents,
            _ => return Err(another("resources/read").into()),
        };
        let malformed = |detail: &str| CallError::Malformed {
            method: "resources/read".to_owned(),
            detail: detail.to_owned(),
        };
        let one = contents.into_iter().find(|part| part.uri == uri);
        let bytes = match one.ok_or_else(|| malformed("the contents are of something else"))?.body {
            ResourceBody::Text(text) => text.into_bytes(),
            ResourceBody::Blob(blob) => {
                STANDARD.decode(blob).map_err(|_| malformed("`blob` is not base64"))?
            }
        };
        entry.verify(uri, &bytes)?;
        Ok(bytes)
    }

    /// The settings of the extension.
    fn offers_skills(&self) -> Result<serde_json::Value, SkillError> {
        let settings = self.server().capabilities.extensions.get(EXTENSION).cloned();
        settings.ok_or(SkillError::NotOffered { what: "skills" })
    }
}
