//! [`Headers`]: those of the request that opened a session.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A copy of a request's headers in one allocation.
///
/// The request's own header values are slices of the HTTP server's read buffer and would keep
/// all of its kilobytes for as long as the session lives.
#[derive(Clone)]
pub struct Headers {
    /// The URL, and behind it a line `name:value` for each header: neither has a line feed, and no name a colon.
    head: Box<[u8]>,
    url_len: u32,
}

impl Headers {
    pub(super) fn copy(url: &str, headers: &HeaderMap) -> Self {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            name.as_str().len() + value.len() + ":\n".len()
        };
        let lines: usize = headers.iter().map(line).sum();
        let mut head = Vec::with_capacity(url.len() + lines);
        head.extend_from_slice(url.as_bytes());
        for (name, value) in headers {
            for part in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                head.extend_from_slice(part);
            }
        }
        Self {
            head: head.into(),
            url_len: url.len() as u32,
        }
    }

    /// The URL of the request.
    pub(super) fn url(&self) -> &str {
        let url = self.head.get(..self.url_len as usize).unwrap_or_default();
        std::str::from_utf8(url).unwrap_or_default()
    }

    fn lines(&self) -> &[u8] {
        self.head.get(self.url_len as usize..).unwrap_or_default()
    }

    /// Names (in lower case) and values, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let lines = self.lines().split(|byte| *byte == b'\n');
        lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            Some((std::str::from_utf8(name).ok()?, value.get(1..)?))
        })
    }

    /// The first value of a header; names compare without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The first value of a header, where it is UTF-8.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.lines() == other.lines()
    }
}

impl Eq for Headers {}

/// Names only: values carry secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_copied_whole() {
        let mut map = HeaderMap::new();
        map.append("cookie", HeaderValue::from_static("a=1"));
        map.append("cookie", HeaderValue::from_static("b=2"));
        map.append("x-empty", HeaderValue::from_static(""));
        map.append("x-colons", HeaderValue::from_static(":a: b:"));
        let headers = Headers::copy("/x?y:z", &map);
        assert_eq!(headers.url(), "/x?y:z");
        assert_eq!(headers.get("x-colons"), Some(&b":a: b:"[..]));
        assert_eq!(headers, Headers::copy("/", &map));
        assert_eq!(headers.get_str("Cookie"), Some("a=1"));
        assert_eq!(headers.get("x-empty"), Some(&b""[..]));
        assert_eq!(headers.get("x-none"), None);
        assert_eq!(headers.iter().count(), 4);
        assert!(!format!("{headers:?}").contains("a=1"));
    }
}
