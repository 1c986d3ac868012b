//! Skills: folders of instructions for a model.

use std::path::{Path, PathBuf};

use barewire_mcp::types::resources::{Resource, ResourceContents};
use barewire_mcp::types::skills::{
    DIRECTORY, FileDigest, MAX_BYTES, MAX_FILES, SKILL_FILE, Skill as Entry, SkillFault, SkillFile,
    SkillResources, front_matter,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;

use super::declaration::ruled;
use super::resource::ResourceEntry;
use super::{RegistryError, insert_new};
use crate::auth::access::Rule;

/// How deep folders may lie in a skill's folder.
const MAX_DEPTH: usize = 16;

/// A skill to offer: a `SKILL.md` that says what it is for and how to do it, and the files that it speaks of
/// ([Skills](https://modelcontextprotocol.io/seps/2640-skills-extension)).
///
/// Its name and description are those of its front matter. Hosts check every file against the digest that the list gives,
/// so a skill does not change while the server runs.
pub struct Skill {
    prefix: String,
    /// By their paths in the skill's folder.
    files: IndexMap<String, Vec<u8>>,
    rule: Rule,
}

/// Why a folder is no skill.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A name that is not UTF-8, a link, or too many folders in each other.
    #[error("{0} cannot be part of a skill")]
    Path(PathBuf),
    /// More than hosts accept.
    #[error("{path} has more than {MAX_FILES} files or {MAX_BYTES} bytes")]
    TooLarge {
        /// The folder.
        path: PathBuf,
    },
}

ruled!(Skill, "reading");

impl Skill {
    /// A skill of one file, its `SKILL.md`: YAML with at least `name` and `description` between two lines `---`, and
    /// Markdown after it.
    pub fn new(skill_file: impl Into<String>) -> Self {
        let files = IndexMap::from([(SKILL_FILE.to_owned(), skill_file.into().into_bytes())]);
        Self { prefix: String::new(), files, rule: Rule::default() }
    }

    /// The skill in this folder, with every file below it. Hidden files are left out; links are refused, since nobody
    /// sees where they lead.
    ///
    /// # Errors
    /// [`SkillError`]
    pub fn folder(path: impl AsRef<Path>) -> Result<Self, SkillError> {
        let root = path.as_ref();
        let mut files = IndexMap::new();
        let mut bytes = 0;
        read_folder(root, root, &mut files, &mut bytes)?;
        files.sort_unstable_keys();
        Ok(Self { prefix: String::new(), files, rule: Rule::default() })
    }

    /// Adds a file, by its path in the skill's folder, such as `references/FORMS.md`.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), contents.into());
        self
    }

    /// Folders above that of the skill, such as `acme/billing`: names of skills are to be unique below them only.
    #[must_use]
    pub fn below(mut self, folders: impl Into<String>) -> Self {
        self.prefix = folders.into();
        self
    }

    /// The entry, and where each of its files is.
    fn entry(&self) -> Result<Entry, SkillFault> {
        let skill_file = self.files.get(SKILL_FILE);
        let skill_file = skill_file.ok_or_else(|| SkillFault::NotListed { uri: SKILL_FILE.to_owned() })?;
        let frontmatter = front_matter(skill_file)?;
        let name = frontmatter.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        let folder = match self.prefix.trim_matches('/') {
            "" => format!("skill://{name}"),
            prefix => format!("skill://{prefix}/{name}"),
        };
        let address = |path: &str| format!("{folder}/{path}");
        if let Some(path) = self.files.keys().find(|path| !is_path(path)) {
            return Err(SkillFault::Address(address(path)));
        }
        if !self.prefix.is_empty() && !is_path(&self.prefix) {
            return Err(SkillFault::Address(folder));
        }
        let listed = self.files.iter().map(|(path, bytes)| SkillFile {
            uri: address(path),
            digest: FileDigest::of(bytes),
            size: bytes.len() as u64,
        });
        let resources = SkillResources::Files(listed.collect());
        let entry = Entry { uri: address(SKILL_FILE), frontmatter, resources };
        entry.check()?;
        Ok(entry)
    }
}

/// The skills of a server.
#[derive(Default)]
pub(crate) struct Skills {
    /// By the address of their `SKILL.md`.
    pub(crate) entries: IndexMap<String, SkillEntry>,
    /// All files but those, which are among the server's other resources.
    pub(crate) files: IndexMap<String, ResourceEntry>,
    /// By their addresses, without a slash at the end.
    pub(crate) folders: IndexMap<String, IndexMap<String, FolderEntry>>,
}

/// A skill that is offered.
pub(crate) struct SkillEntry {
    pub(crate) skill: Entry,
    pub(crate) rule: Rule,
}

/// Something directly in a folder.
pub(crate) struct FolderEntry {
    pub(crate) declared: Resource,
    pub(crate) rule: Rule,
}

impl Skills {
    /// Adds a skill; its `SKILL.md` comes to the server's resources, where whoever knows nothing of skills finds it.
    pub(crate) fn add(
        &mut self,
        skill: Skill,
        resources: &mut IndexMap<String, ResourceEntry>,
    ) -> Result<(), RegistryError> {
        let entry =
            skill.entry().map_err(|source| RegistryError::Skill { skill: skill.described(), source })?;
        let folder = entry.folder().to_owned();
        for (path, bytes) in skill.files {
            let uri = format!("{folder}/{path}");
            let mut declared = declared(&uri, &path, &bytes);
            if path == SKILL_FILE {
                entry.name().clone_into(&mut declared.name);
                declared.description = Some(entry.description().to_owned());
                let file = file(declared.clone(), skill.rule.clone(), bytes);
                insert_new(resources, uri, file)?;
            } else {
                insert_new(&mut self.files, uri, file(declared.clone(), skill.rule.clone(), bytes))?;
            }
            self.put_in_folders(&folder, &path, declared, &skill.rule);
        }
        insert_new(&mut self.entries, entry.uri.clone(), SkillEntry { skill: entry, rule: skill.rule })
    }

    /// Notes a file in its folder, and each folder on the way in the one above.
    fn put_in_folders(&mut self, root: &str, path: &str, mut declared: Resource, rule: &Rule) {
        let mut path = path;
        loop {
            let (above, _) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = if above.is_empty() { root.to_owned() } else { format!("{root}/{above}") };
            let name = declared.uri.clone();
            let entry = FolderEntry { declared, rule: rule.clone() };
            self.folders.entry(folder.clone()).or_default().entry(name).or_insert(entry);
            if above.is_empty() {
                return;
            }
            let name = above.rsplit('/').next().unwrap_or(above).to_owned();
            declared =
                Resource { uri: folder, name, mime_type: Some(DIRECTORY.to_owned()), ..Resource::default() };
            path = above;
        }
    }
}

impl Skill {
    /// What an error calls it: its name, or how its file begins.
    fn described(&self) -> String {
        let file = self.files.get(SKILL_FILE).map_or(&[][..], Vec::as_slice);
        let name = front_matter(file).ok().and_then(|matter| Some(matter.get("name")?.as_str()?.to_owned()));
        name.unwrap_or_else(|| String::from_utf8_lossy(file).lines().next().unwrap_or_default().to_owned())
    }
}

fn declared(uri: &str, path: &str, bytes: &[u8]) -> Resource {
    let guessed = mime_guess::from_path(path).first();
    let mime_type = match guessed {
        Some(guessed) => guessed.to_string(),
        None if std::str::from_utf8(bytes).is_ok() => "text/plain".to_owned(),
        None => "application/octet-stream".to_owned(),
    };
    Resource {
        uri: uri.to_owned(),
        name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        mime_type: Some(mime_type),
        size: Some(bytes.len() as u64),
        ..Resource::default()
    }
}

fn file(declared: Resource, rule: Rule, bytes: Vec<u8>) -> ResourceEntry {
    let mime_type = declared.mime_type.clone().unwrap_or_default();
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(&declared.uri, mime_type, text),
        Err(binary) => ResourceContents::blob(&declared.uri, mime_type, STANDARD.encode(binary.as_bytes())),
    };
    ResourceEntry::fixed(declared, rule, contents)
}

/// Whether a path can stand in an address as it is.
fn is_path(path: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(legal))
}

fn read_folder(
    root: &Path,
    folder: &Path,
    files: &mut IndexMap<String, Vec<u8>>,
    bytes: &mut u64,
) -> Result<(), SkillError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| SkillError::Read { path, source }
    };
    if folder.components().count() - root.components().count() > MAX_DEPTH {
        return Err(SkillError::Path(folder.to_owned()));
    }
    for entry in std::fs::read_dir(folder).map_err(read(folder))? {
        let path = entry.map_err(read(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| SkillError::Path(path.clone()))?;
        if name.starts_with('.') {
            continue;
        }
        let about = path.symlink_metadata().map_err(read(&path))?;
        if about.is_dir() {
            read_folder(root, &path, files, bytes)?;
            continue;
        }
        let within = path.strip_prefix(root).ok().and_then(Path::to_str);
        let within = within.filter(|_| about.is_file()).ok_or_else(|| SkillError::Path(path.clone()))?;
        *bytes = bytes.saturating_add(about.len());
        if files.len() >= MAX_FILES || *bytes > MAX_BYTES {
            return Err(SkillError::TooLarge { path: root.to_owned() });
        }
        files.insert(within.to_owned(), std::fs::read(&path).map_err(read(&path))?);
    }
    Ok(())
}
