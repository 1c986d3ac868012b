//! Reads one HTTP/1.1 answer from what a socket gives, piece by piece.

use anyhow::{Context as _, Result, bail};
use memchr::memmem;

use crate::load::ask::Asked;

/// A whole answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// 200.
    pub status: u16,
    /// Without the framing of chunks.
    pub body: &'a [u8],
    /// The server keeps the connection.
    pub keeps: bool,
    head: &'a [u8],
}

impl Answer<'_> {
    /// Names in lower case.
    ///
    /// # Errors
    /// Never, once it was read: the head is parsed again.
    pub fn headers(&self) -> Result<Vec<(String, String)>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(self.head)?;
        let pair = |header: &httparse::Header<'_>| {
            (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
        };
        Ok(response.headers.iter().map(pair).collect())
    }

    /// To be kept.
    ///
    /// # Errors
    /// As of [`Answer::headers`].
    pub(crate) fn asked(&self) -> Result<Asked> {
        Ok(Asked { status: self.status, headers: self.headers()?, body: self.body.to_vec() })
    }
}

const MOST_HEADERS: usize = 64;

/// What was read of an answer so far. Reused from one answer to the next, so that its buffers are allocated once.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
    /// Of a chunked body: what was decoded, and up to where.
    chunks: Vec<u8>,
    decoded: usize,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    status: u16,
    keeps: bool,
    body: Body,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Sized(usize),
    Chunked,
    UntilClosed,
}

impl Default for AnswerReader {
    fn default() -> Self {
        Self { buffer: vec![0; 8 << 10], filled: 0, head: None, chunks: Vec::new(), decoded: 0 }
    }
}

impl AnswerReader {
    /// Where the next bytes go.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Nothing of an answer has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// The answer without its body, once its head is whole: all that there is of a stream that goes on.
    pub(crate) fn begun(&self) -> Option<Answer<'_>> {
        let Head { length, status, keeps, .. } = self.head?;
        Some(Answer { status, body: b"", keeps, head: &self.buffer[..length] })
    }

    /// Forgets the answer that was taken.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
        self.head = None;
        self.chunks.clear();
        self.decoded = 0;
    }

    /// So many bytes were read into the room (none: the peer closed). Gives the answer once it is whole.
    pub(crate) fn take(&mut self, read: usize) -> Result<Option<Answer<'_>>> {
        self.filled += read;
        let head = match self.head {
            Some(head) => head,
            None => match parse_head(&self.buffer[..self.filled])? {
                Some(head) => *self.head.insert(head),
                None => return Ok(None),
            },
        };
        let after = &self.buffer[head.length..self.filled];
        let body = match head.body {
            Body::Sized(length) if after.len() < length => return Ok(None),
            Body::Sized(length) if after.len() > length => bail!("more bytes than the answer has"),
            Body::Sized(_) => after,
            Body::UntilClosed if read == 0 => after,
            Body::UntilClosed => return Ok(None),
            Body::Chunked => {
                if self.decoded == 0 {
                    self.decoded = head.length;
                }
                let whole = decode(&self.buffer[..self.filled], &mut self.decoded, &mut self.chunks)?;
                if !whole {
                    return Ok(None);
                }
                &self.chunks
            }
        };
        let (status, keeps) = (head.status, head.keeps);
        Ok(Some(Answer { status, body, keeps, head: &self.buffer[..head.length] }))
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes).context("this is not HTTP")? else {
        return Ok(None);
    };
    let status = response.code.context("a whole head has a status")?;
    let mut body = if matches!(status, 204 | 304) { Body::Sized(0) } else { Body::UntilClosed };
    let mut keeps = response.version == Some(1);
    for header in response.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let length = std::str::from_utf8(header.value)?.trim();
            body = Body::Sized(length.parse().context("a Content-Length is a number")?);
        } else if is("transfer-encoding") {
            body = Body::Chunked;
        } else if is("connection") {
            keeps = !header.value.eq_ignore_ascii_case(b"close");
        }
    }
    keeps &= !matches!(body, Body::UntilClosed);
    Ok(Some(Head { length, status, keeps, body }))
}

/// Decodes whole chunks from `at` on; true with the last one and no trailers.
fn decode(bytes: &[u8], at: &mut usize, body: &mut Vec<u8>) -> Result<bool> {
    loop {
        let rest = &bytes[*at..];
        let Some(line) = memmem::find(rest, b"\r\n") else { return Ok(false) };
        let size = std::str::from_utf8(&rest[..line])?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).context("a chunk starts with its size")?;
        let end = line + 2 + size + 2;
        if rest.len() < end {
            return Ok(false);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        *at += end;
        if size == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, whether it comes at once or byte by byte.
    #[track_caller]
    fn check(answer: &str, body: &str, keeps: bool, closes: bool) {
        for piece in [1, 7, answer.len()] {
            let mut reader = AnswerReader::default();
            let mut whole = None;
            let mut pieces: Vec<&[u8]> = answer.as_bytes().chunks(piece).collect();
            if closes {
                pieces.push(b"");
            }
            for bytes in pieces {
                assert!(whole.is_none(), "before the last byte");
                reader.room()[..bytes.len()].copy_from_slice(bytes);
                whole = reader.take(bytes.len()).unwrap().map(|answer| {
                    (answer.status, String::from_utf8_lossy(answer.body).into_owned(), answer.keeps)
                });
            }
            assert_eq!(whole, Some((200, body.to_owned(), keeps)), "in pieces of {piece}");
        }
    }

    #[test]
    fn every_framing() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true, false);
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello",
            "hello",
            false,
            false,
        );
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
            "hello",
            true,
            false,
        );
        check("HTTP/1.1 200 OK\r\n\r\nhello", "hello", false, true);
    }

    #[test]
    fn what_is_not_http() {
        let mut reader = AnswerReader::default();
        let bytes = b"SSH-2.0-OpenSSH\r\n\r\n";
        reader.room()[..bytes.len()].copy_from_slice(bytes);
        assert!(reader.take(bytes.len()).is_err());
    }
}
