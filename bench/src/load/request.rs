//! A request as bytes that can be sent many times, and what a right answer to it holds.

use std::fmt;
use std::net::SocketAddr;

use memchr::memmem::Finder;

use crate::load::answer::Answer;

/// A request that differs from one sending to the next in its JSON-RPC id only.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    id_at: Option<usize>,
    expect: Expect,
}

/// Where a body has this number, each sending has a number of its own: ten digits, below 2³¹.
const ID: &str = "1000000000";

/// Ids of one connection; [`Request::numbered`] keeps them apart.
const IDS_PER_CONNECTION: usize = 1_000_000;

impl Request {
    /// The number that a body has to give as its id.
    pub const ID: &str = ID;

    /// A POST with this head and body.
    pub fn post(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        expect: Expect,
    ) -> Self {
        let length = body.len().to_string();
        let head = head("POST", path, address, &[headers, &[("content-length", &length)]].concat());
        let id_at = Finder::new(ID).find(body).map(|at| head.len() + at);
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes, id_at, expect }
    }

    /// Bytes as they are, which need not be HTTP. The first [`Request::ID`] in them is counted up.
    pub fn raw(bytes: Vec<u8>, expect: Expect) -> Self {
        let id_at = Finder::new(ID).find(&bytes);
        Self { bytes, id_at, expect }
    }

    /// The same request with the ids of that connection.
    #[must_use]
    pub fn numbered(mut self, connection: usize) -> Self {
        if let Some(at) = self.id_at {
            let first = 1_000_000_000 + connection * IDS_PER_CONNECTION;
            self.bytes[at..at + ID.len()].copy_from_slice(first.to_string().as_bytes());
        }
        self
    }

    /// What is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a right answer holds.
    pub fn expect(&self) -> &Expect {
        &self.expect
    }

    /// Counts the id up, in place.
    pub(super) fn renew(&mut self) {
        let Some(at) = self.id_at else { return };
        for digit in self.bytes[at..at + ID.len()].iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }
}

/// The head of a request, with the empty line at its end.
pub(crate) fn head(verb: &str, path: &str, address: SocketAddr, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{verb} {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// What a right answer holds: its status, texts that it has at least so often, and texts that it lacks.
#[derive(Clone)]
pub struct Expect {
    statuses: Vec<u16>,
    contains: Vec<(Finder<'static>, usize)>,
    lacks: Vec<Finder<'static>>,
}

impl Expect {
    /// 200, and neither a JSON-RPC error nor a tool's.
    pub fn success() -> Self {
        let lacks = ["\"error\":", "\"isError\":true", "\"isError\": true"];
        Self {
            statuses: vec![200],
            contains: Vec::new(),
            lacks: lacks.map(|text| Finder::new(text).into_owned()).into(),
        }
    }

    /// One of these statuses, whatever the body says.
    pub fn statuses(statuses: &[u16]) -> Self {
        Self { statuses: statuses.into(), contains: Vec::new(), lacks: Vec::new() }
    }

    /// And this text, at least so often.
    #[must_use]
    pub fn containing(mut self, text: &str, times: usize) -> Self {
        self.contains.push((Finder::new(text).into_owned(), times));
        self
    }

    /// Fails with what is wrong about it.
    ///
    /// # Errors
    /// When the answer is not what is expected.
    pub fn check(&self, answer: &Answer<'_>) -> Result<(), WrongAnswer> {
        let missing = self.contains.iter().any(|(text, times)| match times {
            1 => text.find(answer.body).is_none(),
            times => text.find_iter(answer.body).take(*times).count() < *times,
        });
        if !missing
            && self.statuses.contains(&answer.status)
            && self.lacks.iter().all(|text| text.find(answer.body).is_none())
        {
            return Ok(());
        }
        let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(400)]).into_owned();
        Err(WrongAnswer { status: answer.status, start })
    }
}

/// An answer that is not what the request must get.
#[derive(Debug, thiserror::Error)]
pub struct WrongAnswer {
    status: u16,
    start: String,
}

impl fmt::Display for WrongAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a wrong answer, {} {}", self.status, self.start)
    }
}
