//! Skills: folders of instructions that a server gives to a model, file by file
//! (the [extension](https://modelcontextprotocol.io/seps/2640-skills-extension) `io.modelcontextprotocol/skills`, from
//! 2026-07-28 on).
//!
//! What a file contains is not trusted because its digest is right: the same server says both. The digest tells a host
//! that what it reads is what its user agreed to.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::json::{Meta, Object};
use super::operation::Page;
use super::resources::Resource;

/// The extension's name among the capabilities.
pub const EXTENSION: &str = "io.modelcontextprotocol/skills";
/// Its setting for `resources/directory/read`.
pub const DIRECTORY_READ: &str = "directoryRead";
/// The file that every skill has.
pub const SKILL_FILE: &str = "SKILL.md";
/// The media type of a folder.
pub const DIRECTORY: &str = "inode/directory";
/// Files that every host accepts in one skill.
pub const MAX_FILES: usize = 512;
/// Bytes that every host accepts in one skill, all files together.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Longest front matter that is read, in bytes.
const MAX_FRONT_MATTER: usize = 64 * 1024;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillsRequest {
    /// `skills/list`
    List(Page),
    /// `skills/get`
    Get {
        /// Of its `SKILL.md`.
        uri: String,
    },
    /// `resources/directory/read`
    ReadDirectory {
        /// Of the folder, without a slash at its end.
        uri: String,
        /// Which page.
        page: Page,
    },
}

impl SkillsRequest {
    /// Its method.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::List(_) => "skills/list",
            Self::Get { .. } => "skills/get",
            Self::ReadDirectory { .. } => "resources/directory/read",
        }
    }
}

/// What it gets.
#[derive(Debug, Clone, PartialEq)]
pub enum SkillsResult {
    /// Of `skills/list`
    List(ListSkillsResult),
    /// Of `skills/get`
    Get(GetSkillResult),
    /// Of `resources/directory/read`
    Directory(ReadDirectoryResult),
}

/// Lists the skills.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListSkillsResult {
    /// This page of them.
    pub skills: Vec<Skill>,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// One skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetSkillResult {
    /// The skill.
    pub skill: Skill,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// What is directly in a folder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadDirectoryResult {
    /// Files, and folders as resources of the type `inode/directory`.
    pub resources: Vec<Resource>,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A skill, as it is listed: everything a host needs in order to ask its user, and to check what it reads afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The address of its `SKILL.md`.
    pub uri: String,
    /// The YAML at the head of that file, word for word, as JSON. `name` and `description` are texts.
    pub frontmatter: Object,
    /// Its files.
    pub resources: SkillResources,
}

/// All files of a skill, or that they are made anew each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillResources {
    /// Every one, `SKILL.md` included.
    Files(Vec<SkillFile>),
    /// Nothing can be checked.
    Dynamic,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillFile {
    /// Its address.
    pub uri: String,
    /// Of its bytes.
    pub digest: FileDigest,
    /// In bytes.
    pub size: u64,
}

/// A SHA-256 digest, written `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileDigest([u8; 32]);

/// Why something is not the skill that it is said to be. A host must not use it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkillFault {
    /// The file is not among those of the skill.
    #[error("{uri} is no file of this skill")]
    NotListed {
        /// The file.
        uri: String,
    },
    /// The file has another length.
    #[error("{uri} has {found} bytes and not {said}")]
    Size {
        /// The file.
        uri: String,
        /// What the skill says.
        said: u64,
        /// What was read.
        found: u64,
    },
    /// The file has other contents.
    #[error("{uri} has the digest {found} and not {said}")]
    Digest {
        /// The file.
        uri: String,
        /// What the skill says.
        said: FileDigest,
        /// What was read.
        found: FileDigest,
    },
    /// `SKILL.md` does not begin with YAML between two lines `---`, or it is no object.
    #[error("{SKILL_FILE} has no front matter that can be read: {0}")]
    FrontMatter(String),
    /// The head of the file says something else than the entry.
    #[error("{SKILL_FILE} and the skill's entry differ in `{0}`")]
    Differs(String),
    /// `name` or `description` is missing, empty or no text.
    #[error("the front matter has no `{0}`")]
    Missing(&'static str),
    /// The name breaks a rule of skills, or is not that of the folder.
    #[error("the name {0:?} is not the folder's, or not 1 to 64 of a-z, 0-9 and single hyphens within")]
    Name(String),
    /// The entry's address, or one of its files', does not end in `SKILL.md` or is outside of the skill's folder.
    #[error("{0} is not an address within the skill's folder")]
    Address(String),
    /// More files, or more bytes, than a host has to accept.
    #[error("more than {MAX_FILES} files or {MAX_BYTES} bytes")]
    TooLarge,
}

impl Skill {
    /// The name, as its front matter has it.
    pub fn name(&self) -> &str {
        text(&self.frontmatter, "name").unwrap_or_default()
    }

    /// What it is for, for the model and for whoever is asked.
    pub fn description(&self) -> &str {
        text(&self.frontmatter, "description").unwrap_or_default()
    }

    /// The address of its folder, without a slash at its end.
    pub fn folder(&self) -> &str {
        self.uri.strip_suffix(SKILL_FILE).and_then(|folder| folder.strip_suffix('/')).unwrap_or(&self.uri)
    }

    /// Whether the entry is in order by itself: its name, its addresses, its size.
    ///
    /// # Errors
    /// [`SkillFault`]
    pub fn check(&self) -> Result<(), SkillFault> {
        let name = text(&self.frontmatter, "name").ok_or(SkillFault::Missing("name"))?;
        text(&self.frontmatter, "description").ok_or(SkillFault::Missing("description"))?;
        let folder = self.folder();
        if folder.len() == self.uri.len() {
            return Err(SkillFault::Address(self.uri.clone()));
        }
        if !is_name(name) || folder.rsplit('/').next() != Some(name) {
            return Err(SkillFault::Name(name.to_owned()));
        }
        let SkillResources::Files(files) = &self.resources else { return Ok(()) };
        if files.iter().filter(|file| file.uri == self.uri).count() != 1 {
            return Err(SkillFault::NotListed { uri: self.uri.clone() });
        }
        let mut bytes: u64 = 0;
        for file in files {
            if !is_within(&file.uri, folder) {
                return Err(SkillFault::Address(file.uri.clone()));
            }
            bytes = bytes.saturating_add(file.size);
        }
        if files.len() > MAX_FILES || bytes > MAX_BYTES {
            return Err(SkillFault::TooLarge);
        }
        Ok(())
    }

    /// Whether a file is one of this skill: otherwise a host does not even ask for it.
    ///
    /// # Errors
    /// [`SkillFault::NotListed`]
    pub fn lists(&self, uri: &str) -> Result<(), SkillFault> {
        let listed = match &self.resources {
            SkillResources::Files(files) => files.iter().any(|file| file.uri == uri),
            SkillResources::Dynamic => is_within(uri, self.folder()),
        };
        if listed { Ok(()) } else { Err(SkillFault::NotListed { uri: uri.to_owned() }) }
    }

    /// Whether a file that was read is the one that the entry lists; of `SKILL.md`, its front matter, too.
    ///
    /// # Errors
    /// [`SkillFault`]
    pub fn verify(&self, uri: &str, bytes: &[u8]) -> Result<(), SkillFault> {
        if let SkillResources::Files(files) = &self.resources {
            let file = files.iter().find(|file| file.uri == uri);
            let file = file.ok_or_else(|| SkillFault::NotListed { uri: uri.to_owned() })?;
            let uri = || uri.to_owned();
            let (said, found) = (file.size, bytes.len() as u64);
            if said != found {
                return Err(SkillFault::Size { uri: uri(), said, found });
            }
            let (said, found) = (file.digest, FileDigest::of(bytes));
            if said != found {
                return Err(SkillFault::Digest { uri: uri(), said, found });
            }
        }
        if uri != self.uri {
            return Ok(());
        }
        let read = front_matter(bytes)?;
        let names = self.frontmatter.keys().chain(read.keys());
        match names.into_iter().find(|name| self.frontmatter.get(*name) != read.get(*name)) {
            Some(name) => Err(SkillFault::Differs(name.clone())),
            None => Ok(()),
        }
    }
}

/// The YAML at the head of a `SKILL.md`, as JSON.
///
/// # Errors
/// [`SkillFault::FrontMatter`]
pub fn front_matter(file: &[u8]) -> Result<Object, SkillFault> {
    let fault = |why: &str| SkillFault::FrontMatter(why.to_owned());
    let text = std::str::from_utf8(file).map_err(|_| fault("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    if lines.next().map(str::trim_end) != Some("---") {
        return Err(fault("the first line is not `---`"));
    }
    let mut length = 0;
    let closed = lines.any(|line| {
        let end = line.trim_end() == "---";
        length += if end { 0 } else { line.len() };
        end
    });
    if !closed {
        return Err(fault("there is no second line `---`"));
    }
    if length > MAX_FRONT_MATTER {
        return Err(fault("it is too long"));
    }
    let start = text.find('\n').map_or(text.len(), |end| end + 1);
    let yaml = &text[start..start + length];
    serde_saphyr::from_str_with_options::<Object>(yaml, small()).map_err(|error| fault(&error.to_string()))
}

/// What a front matter may make of its bytes: YAML that refers to itself may grow without end.
fn small() -> serde_saphyr::Options {
    let mut options = serde_saphyr::Options::default();
    let budget = options.budget.get_or_insert_default();
    budget.max_documents = 1;
    budget.max_depth = 32;
    budget.max_nodes = 10_000;
    budget.max_events = 40_000;
    budget.max_anchors = 100;
    budget.max_aliases = 100;
    budget.max_total_scalar_bytes = 4 * MAX_FRONT_MATTER;
    options
}

/// Whether an address leads to something below a folder.
fn is_within(uri: &str, folder: &str) -> bool {
    let path = uri.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    path.is_some_and(|path| path.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// What a skill may be called
/// ([Agent Skills](https://agentskills.io/specification#name-field)).
fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&name.len())
        && name.bytes().all(legal)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

impl FileDigest {
    /// Of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for FileDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let malformed = || de::Error::custom("a digest is `sha256:` and 64 hexadecimal digits in lower case");
        let digits = text.strip_prefix("sha256:").filter(|digits| digits.len() == 64);
        let digits = digits.ok_or_else(malformed)?.as_bytes();
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(malformed()),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for SkillResources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Files(files) => files.serialize(serializer),
            Self::Dynamic => serializer.serialize_str("dynamic"),
        }
    }
}

impl<'de> Deserialize<'de> for SkillResources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = SkillResources;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of files or \"dynamic\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "dynamic" => Ok(SkillResources::Dynamic),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, files: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(files))
                    .map(SkillResources::Files)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILE: &str = "---\nname: pdf\ndescription: Fills forms\nmetadata:\n  version: \"2\"\n---\n# PDF\n";

    fn skill() -> Skill {
        let file = |uri: &str, bytes: &[u8]| SkillFile {
            uri: uri.to_owned(),
            digest: FileDigest::of(bytes),
            size: bytes.len() as u64,
        };
        Skill {
            uri: "skill://acme/pdf/SKILL.md".to_owned(),
            frontmatter: front_matter(FILE.as_bytes()).unwrap(),
            resources: SkillResources::Files(vec![
                file("skill://acme/pdf/SKILL.md", FILE.as_bytes()),
                file("skill://acme/pdf/references/FORMS.md", b"forms"),
            ]),
        }
    }

    #[test]
    fn an_entry_is_written_as_it_is_read() {
        let json = serde_json::to_value(skill()).unwrap();
        assert_eq!(json["frontmatter"]["metadata"]["version"], "2");
        assert_eq!(json["resources"][1]["size"], 5);
        assert_eq!(serde_json::from_value::<Skill>(json).unwrap(), skill());
        let dynamic = json!({ "uri": "skill://a/SKILL.md", "frontmatter": {}, "resources": "dynamic" });
        assert_eq!(serde_json::from_value::<Skill>(dynamic).unwrap().resources, SkillResources::Dynamic);
        for wrong in
            [json!("other"), json!(null), json!({}), json!([{ "uri": "a", "digest": "x", "size": 1 }])]
        {
            let entry = json!({ "uri": "skill://a/SKILL.md", "frontmatter": {}, "resources": wrong });
            serde_json::from_value::<Skill>(entry).unwrap_err();
        }
    }

    #[test]
    fn a_digest_is_sha256_in_lower_case() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(FileDigest::of(b"").to_string(), empty);
        let read = |text: &str| serde_json::from_value::<FileDigest>(json!(text)).ok();
        assert_eq!(read(empty), Some(FileDigest::of(b"")));
        for wrong in
            ["", "sha256:", &empty.to_uppercase(), &empty[..70], &empty.replace('e', "g"), &empty[7..]]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_entry_has_to_be_in_order() {
        assert_eq!(skill().check(), Ok(()));
        let check = |change: &dyn Fn(&mut Skill), expected: &str| {
            let mut changed = skill();
            change(&mut changed);
            assert_eq!(changed.check().unwrap_err().to_string(), expected);
        };
        let named = |name: &'static str| {
            move |skill: &mut Skill| {
                skill.frontmatter["name"] = json!(name);
            }
        };
        let name = |name: &str| {
            format!(
                "the name {name:?} is not the folder's, or not 1 to 64 of a-z, 0-9 and single hyphens within"
            )
        };
        for wrong in ["other", "Pdf", "a--b", "-a", "a b"] {
            check(&named(wrong), &name(wrong));
        }
        check(&named(" "), "the front matter has no `name`");
        check(
            &|skill| skill.uri.push('x'),
            "skill://acme/pdf/SKILL.mdx is not an address within the skill's folder",
        );
        let with = |uri: &'static str, size: u64| {
            move |skill: &mut Skill| {
                let SkillResources::Files(files) = &mut skill.resources else { return };
                files.push(SkillFile { uri: uri.to_owned(), digest: FileDigest::of(b""), size });
            }
        };
        for outside in
            ["skill://acme/pdfs/a", "skill://acme/pdf", "skill://acme/pdf/../x", "skill://acme/pdf//a"]
        {
            check(&with(outside, 0), &format!("{outside} is not an address within the skill's folder"));
        }
        let twice = "skill://acme/pdf/SKILL.md";
        check(&with(twice, 0), "skill://acme/pdf/SKILL.md is no file of this skill");
        let large = "more than 512 files or 16777216 bytes";
        check(&with("skill://acme/pdf/a", MAX_BYTES), large);
        check(&|skill| (0..512).for_each(|_| with("skill://acme/pdf/a", 0)(skill)), large);
    }

    #[test]
    fn what_is_read_is_what_was_listed() {
        let skill = skill();
        let verify = |uri: &str, bytes: &[u8]| skill.verify(uri, bytes).map_err(|fault| fault.to_string());
        assert_eq!(verify(&skill.uri, FILE.as_bytes()), Ok(()));
        assert_eq!(verify("skill://acme/pdf/references/FORMS.md", b"forms"), Ok(()));
        let forms = "skill://acme/pdf/references/FORMS.md";
        assert_eq!(verify(forms, b"form"), Err(format!("{forms} has 4 bytes and not 5")));
        assert!(verify(forms, b"frms!").unwrap_err().starts_with(&format!("{forms} has the digest sha256:")));
        let new = "skill://acme/pdf/new.md";
        assert_eq!(verify(new, b""), Err(format!("{new} is no file of this skill")));

        assert_eq!(skill.lists(forms), Ok(()));
        let not_listed = |uri: &str| Err(SkillFault::NotListed { uri: uri.to_owned() });
        assert_eq!(skill.lists(new), not_listed(new));
        let dynamic = Skill { resources: SkillResources::Dynamic, ..skill.clone() };
        assert_eq!(dynamic.lists(new), Ok(()));
        for outside in ["skill://acme/other/SKILL.md", "skill://acme/pdf/../other", "skill://acme/pdf"] {
            assert_eq!(dynamic.lists(outside), not_listed(outside));
        }

        let mut other = skill.clone();
        other.frontmatter["description"] = json!("Empties accounts");
        let differs = Err(SkillFault::Differs("description".to_owned()));
        assert_eq!(other.verify(&skill.uri, FILE.as_bytes()), differs);
        other.resources = SkillResources::Dynamic;
        assert_eq!(other.verify(&skill.uri, FILE.as_bytes()), differs, "also where no digest was said");
        let mut more = skill.clone();
        more.frontmatter.insert("allowed-tools".to_owned(), json!("Bash"));
        assert_eq!(
            more.verify(&skill.uri, FILE.as_bytes()),
            Err(SkillFault::Differs("allowed-tools".to_owned()))
        );
    }

    #[test]
    fn front_matter_is_yaml_between_two_lines() {
        let read = |text: &str| front_matter(text.as_bytes()).map_err(|fault| fault.to_string());
        let empty = |text: &str| assert_eq!(read(text).map(|object| object.len()), Ok(1), "{text:?}");
        empty("---\nname: a\n---");
        empty("---\r\nname: a\r\n---\r\nbody");
        empty("\u{feff}---\nname: a\n--- \nbody\n---\n");
        for wrong in
            ["", "name: a", "---\nname: a\n", "---\n- a\n---\n", "---\na: [\n---\n", "---\na: 1\na: 2\n---\n"]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let long = format!("---\nname: {}\n---\n", "x".repeat(MAX_FRONT_MATTER));
        assert!(read(&long).unwrap_err().ends_with("it is too long"));
        // Each line refers to the one before nine times.
        let bomb = (1..12).fold("a0: &a0 [x]\n".to_owned(), |yaml, n| {
            let refers = vec![format!("*a{}", n - 1); 9].join(",");
            format!("{yaml}a{n}: &a{n} [{refers}]\n")
        });
        assert!(read(&format!("---\n{bomb}---\n")).is_err(), "it would be gigabytes");
    }
}
