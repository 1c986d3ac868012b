//! Records as bytes.
//!
//! A record is its time (8 bytes, little endian), its kind (1 byte) and fields in any order. A field is a byte, its number
//! times four plus the form of its value: 0 a number in groups of seven bits, 1 a length and so many bytes, 2 sixteen
//! bytes, 3 eight bytes. A reader skips numbers that it does not know, so a newer version may add some.

use std::net::IpAddr;
use std::time::Duration;

use crate::chain::Hash;
use crate::entry::{Entry, Kind, Time};

/// Longest text of one field. What is longer comes from a client that tries something, and is cut.
pub const MAX_TEXT: usize = 1024;

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a record of this log")]
pub struct NotARecord;

const NUMBER: u8 = 0;
const BYTES: u8 = 1;
const SIXTEEN: u8 = 2;
const EIGHT: u8 = 3;

/// The fields: a number, its form. A number is never used for something else.
mod field {
    use super::{BYTES, EIGHT, NUMBER, SIXTEEN};

    const fn tag(number: u8, form: u8) -> u8 {
        number << 2 | form
    }

    pub(super) const EVENT: u8 = tag(1, BYTES);
    pub(super) const ENDPOINT: u8 = tag(2, BYTES);
    pub(super) const HTTP_METHOD: u8 = tag(3, BYTES);
    pub(super) const METHOD: u8 = tag(4, BYTES);
    pub(super) const NAME: u8 = tag(5, BYTES);
    pub(super) const ARGUMENTS: u8 = tag(6, SIXTEEN);
    pub(super) const USER: u8 = tag(7, BYTES);
    pub(super) const CLIENT: u8 = tag(8, BYTES);
    pub(super) const GRANT: u8 = tag(9, BYTES);
    pub(super) const CLIENT_NAME: u8 = tag(10, BYTES);
    pub(super) const CLIENT_VERSION: u8 = tag(11, BYTES);
    pub(super) const ADDRESS: u8 = tag(12, BYTES);
    pub(super) const DECISION: u8 = tag(13, BYTES);
    pub(super) const REASON: u8 = tag(14, BYTES);
    pub(super) const SCOPES: u8 = tag(15, BYTES);
    pub(super) const OUTCOME: u8 = tag(16, BYTES);
    /// Zigzag, because codes are negative.
    pub(super) const CODE: u8 = tag(17, NUMBER);
    pub(super) const STATUS: u8 = tag(18, NUMBER);
    pub(super) const REVISION: u8 = tag(19, BYTES);
    pub(super) const BYTES_IN: u8 = tag(20, NUMBER);
    pub(super) const BYTES_OUT: u8 = tag(21, NUMBER);
    /// Nanoseconds.
    pub(super) const DURATION: u8 = tag(22, NUMBER);
    pub(super) const STREAMING_AFTER: u8 = tag(23, NUMBER);
    pub(super) const TRACE_ID: u8 = tag(24, SIXTEEN);
    pub(super) const PARENT_ID: u8 = tag(25, EIGHT);
    pub(super) const COUNT: u8 = tag(26, NUMBER);
    pub(super) const UNTIL: u8 = tag(27, EIGHT);
    pub(super) const THROUGH: u8 = tag(28, NUMBER);
    pub(super) const HASH: u8 = tag(29, BYTES);
    pub(super) const VERSION: u8 = tag(30, BYTES);
    pub(super) const BY: u8 = tag(31, BYTES);
    pub(super) const USER_AGENT: u8 = tag(32, BYTES);
    pub(super) const REGISTRATION: u8 = tag(33, BYTES);
    pub(super) const REQUEST: u8 = tag(34, EIGHT);
    pub(super) const ISSUER: u8 = tag(35, BYTES);
}

/// Appends a record.
pub(crate) fn encode(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.at.0.to_le_bytes());
    out.push(entry.kind as u8);
    let mut out = Fields(out);
    out.text(field::EVENT, entry.event);
    out.text(field::ENDPOINT, entry.endpoint);
    out.text(field::HTTP_METHOD, entry.http_method);
    out.text(field::METHOD, entry.method);
    out.text(field::NAME, entry.name);
    out.fixed(field::ARGUMENTS, entry.arguments);
    out.text(field::USER, entry.user);
    out.text(field::CLIENT, entry.client);
    out.text(field::GRANT, entry.grant);
    out.text(field::CLIENT_NAME, entry.client_name);
    out.text(field::CLIENT_VERSION, entry.client_version);
    match entry.address {
        Some(IpAddr::V4(address)) => out.bytes(field::ADDRESS, &address.octets()),
        Some(IpAddr::V6(address)) => out.bytes(field::ADDRESS, &address.octets()),
        None => {}
    }
    out.text(field::DECISION, entry.decision);
    out.text(field::REASON, entry.reason);
    out.text(field::SCOPES, entry.scopes);
    out.text(field::OUTCOME, entry.outcome);
    out.number(field::CODE, entry.code.map(|code| (code << 1 ^ code >> 63) as u64));
    out.number(field::STATUS, entry.status.map(u64::from));
    out.text(field::REVISION, entry.revision);
    out.number(field::BYTES_IN, entry.bytes_in);
    out.number(field::BYTES_OUT, entry.bytes_out);
    out.number(field::DURATION, entry.duration.map(nanos));
    out.number(field::STREAMING_AFTER, entry.streaming_after.map(nanos));
    out.fixed(field::TRACE_ID, entry.trace_id);
    out.fixed(field::PARENT_ID, entry.parent_id);
    out.number(field::COUNT, entry.count);
    out.fixed(field::UNTIL, entry.until.map(|time| time.0.to_le_bytes()));
    out.number(field::THROUGH, entry.through);
    if let Some(hash) = &entry.hash {
        out.bytes(field::HASH, &hash.0);
    }
    out.text(field::VERSION, entry.version);
    out.text(field::BY, entry.by);
    out.text(field::USER_AGENT, entry.user_agent);
    out.text(field::REGISTRATION, entry.registration);
    out.fixed(field::REQUEST, entry.request);
    out.text(field::ISSUER, entry.issuer);
}

/// Reads a record.
///
/// # Errors
/// [`NotARecord`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Entry<'_>, NotARecord> {
    let (at, rest) = bytes.split_first_chunk::<8>().ok_or(NotARecord)?;
    let (kind, mut rest) = rest.split_first().ok_or(NotARecord)?;
    let mut entry = Entry { at: Time(u64::from_le_bytes(*at)), kind: kind_of(*kind)?, ..Entry::default() };
    while let Some((&tag, after)) = rest.split_first() {
        let value;
        (value, rest) = Value::split(tag & 3, after)?;
        match tag {
            field::EVENT => entry.event = Some(value.text()?),
            field::ENDPOINT => entry.endpoint = Some(value.text()?),
            field::HTTP_METHOD => entry.http_method = Some(value.text()?),
            field::METHOD => entry.method = Some(value.text()?),
            field::NAME => entry.name = Some(value.text()?),
            field::ARGUMENTS => entry.arguments = Some(value.fixed()?),
            field::USER => entry.user = Some(value.text()?),
            field::CLIENT => entry.client = Some(value.text()?),
            field::GRANT => entry.grant = Some(value.text()?),
            field::CLIENT_NAME => entry.client_name = Some(value.text()?),
            field::CLIENT_VERSION => entry.client_version = Some(value.text()?),
            field::ADDRESS => entry.address = Some(address(value.bytes)?),
            field::DECISION => entry.decision = Some(value.text()?),
            field::REASON => entry.reason = Some(value.text()?),
            field::SCOPES => entry.scopes = Some(value.text()?),
            field::OUTCOME => entry.outcome = Some(value.text()?),
            field::CODE => entry.code = Some((value.number >> 1) as i64 ^ -((value.number & 1) as i64)),
            field::STATUS => entry.status = Some(value.number.try_into().map_err(|_| NotARecord)?),
            field::REVISION => entry.revision = Some(value.text()?),
            field::BYTES_IN => entry.bytes_in = Some(value.number),
            field::BYTES_OUT => entry.bytes_out = Some(value.number),
            field::DURATION => entry.duration = Some(Duration::from_nanos(value.number)),
            field::STREAMING_AFTER => entry.streaming_after = Some(Duration::from_nanos(value.number)),
            field::TRACE_ID => entry.trace_id = Some(value.fixed()?),
            field::PARENT_ID => entry.parent_id = Some(value.fixed()?),
            field::COUNT => entry.count = Some(value.number),
            field::UNTIL => entry.until = Some(Time(u64::from_le_bytes(value.fixed()?))),
            field::THROUGH => entry.through = Some(value.number),
            field::HASH => entry.hash = Some(Hash(value.fixed()?)),
            field::VERSION => entry.version = Some(value.text()?),
            field::BY => entry.by = Some(value.text()?),
            field::USER_AGENT => entry.user_agent = Some(value.text()?),
            field::REGISTRATION => entry.registration = Some(value.text()?),
            field::REQUEST => entry.request = Some(value.fixed()?),
            field::ISSUER => entry.issuer = Some(value.text()?),
            _ => {}
        }
    }
    Ok(entry)
}

struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn text(&mut self, tag: u8, text: Option<&str>) {
        if let Some(text) = text {
            let end = if text.len() > MAX_TEXT { text.floor_char_boundary(MAX_TEXT) } else { text.len() };
            self.bytes(tag, &text.as_bytes()[..end]);
        }
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.number(tag, Some(bytes.len() as u64));
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, tag: u8, number: Option<u64>) {
        let Some(mut number) = number else { return };
        self.0.push(tag);
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn fixed<const N: usize>(&mut self, tag: u8, bytes: Option<[u8; N]>) {
        if let Some(bytes) = bytes {
            self.0.push(tag);
            self.0.extend_from_slice(&bytes);
        }
    }
}

/// The value of a field: a number, or bytes.
struct Value<'a> {
    number: u64,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    fn split(form: u8, bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NotARecord> {
        let (number, rest, length) = match form {
            SIXTEEN => (0, bytes, 16),
            EIGHT => (0, bytes, 8),
            _ => {
                let (number, rest) = number(bytes)?;
                let length =
                    if form == BYTES { usize::try_from(number).map_err(|_| NotARecord)? } else { 0 };
                (number, rest, length)
            }
        };
        let (bytes, rest) = rest.split_at_checked(length).ok_or(NotARecord)?;
        Ok((Self { number, bytes }, rest))
    }

    fn text(&self) -> Result<&'a str, NotARecord> {
        std::str::from_utf8(self.bytes).map_err(|_| NotARecord)
    }

    fn fixed<const N: usize>(&self) -> Result<[u8; N], NotARecord> {
        self.bytes.try_into().map_err(|_| NotARecord)
    }
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), NotARecord> {
    let mut number = 0;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[index + 1..]));
        }
    }
    Err(NotARecord)
}

fn kind_of(byte: u8) -> Result<Kind, NotARecord> {
    [Kind::Request, Kind::Event, Kind::Gap, Kind::Checkpoint, Kind::Started, Kind::Stopped]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
        .ok_or(NotARecord)
}

fn address(bytes: &[u8]) -> Result<IpAddr, NotARecord> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|_| NotARecord)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn full() -> Entry<'static> {
        Entry {
            at: Time(1_785_000_000_123_456),
            kind: Kind::Request,
            event: Some("login"),
            endpoint: Some("/mcp"),
            http_method: Some("POST"),
            method: Some("tools/call"),
            name: Some("echo"),
            arguments: Some([7; 16]),
            user: Some("ann"),
            issuer: Some("https://as.example"),
            by: Some("admin"),
            client: Some("client"),
            registration: Some("dynamic"),
            request: Some([3; 8]),
            grant: Some("grant"),
            client_name: Some("é"),
            client_version: Some(""),
            address: "2001:db8::1".parse().ok(),
            user_agent: Some("agent/1"),
            decision: Some("allowed"),
            reason: Some("reason"),
            scopes: Some("a b"),
            outcome: Some("result"),
            code: Some(-32602),
            status: Some(200),
            revision: Some("2026-07-28"),
            bytes_in: Some(0),
            bytes_out: Some(u64::MAX),
            duration: Some(Duration::from_nanos(12_345)),
            streaming_after: Some(Duration::from_secs(3)),
            trace_id: Some([1; 16]),
            parent_id: Some([2; 8]),
            count: Some(3),
            until: Some(Time(4)),
            through: Some(5),
            hash: Some(Hash([6; 32])),
            version: Some("1.0.0"),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let address = "192.0.2.1".parse().ok();
        for entry in [full(), Entry::default(), Entry { address, code: Some(i64::MIN), ..Entry::default() }] {
            let mut bytes = Vec::new();
            encode(&entry, &mut bytes);
            assert_eq!(decode(&bytes), Ok(entry));
        }
    }

    #[test]
    fn a_field_of_a_newer_version_is_skipped() {
        let mut bytes = Vec::new();
        encode(&full(), &mut bytes);
        for unknown in
            [&[63 << 2, 0x80, 1][..], &[62 << 2 | 1, 2, 8, 9], &[[61 << 2 | 2].as_slice(), &[0; 16]].concat()]
        {
            bytes.extend_from_slice(unknown);
        }
        assert_eq!(decode(&bytes), Ok(full()));
    }

    #[test]
    fn a_broken_record_is_an_error_and_no_panic() {
        let mut bytes = Vec::new();
        encode(&full(), &mut bytes);
        for end in 0..bytes.len() {
            let _ = decode(&bytes[..end]);
            let mut altered = bytes.clone();
            altered[end] ^= 0xff;
            let _ = decode(&altered);
        }
        assert_eq!(decode(&[0; 9]), Err(NotARecord), "there is no kind 0");
        assert_eq!(
            decode(&[[0; 8].as_slice(), &[1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat()),
            Err(NotARecord)
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "é".repeat(MAX_TEXT);
        let mut bytes = Vec::new();
        encode(&Entry { name: Some(&format!("x{long}")), ..Entry::default() }, &mut bytes);
        assert_eq!(decode(&bytes).unwrap().name.map(str::len), Some(MAX_TEXT - 1));
    }
}
