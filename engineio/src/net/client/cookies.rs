//! [`Jar`]: the cookies of one server.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::SET_COOKIE;

/// Cookies that are kept (RFC 6265, section 6.1: at least that many).
const MAX_COOKIES: usize = 50;
/// Bytes of name and value (at least that many, too).
const MAX_COOKIE: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    expires: Option<SystemTime>,
}

impl Jar {
    /// Keeps what an answer sets.
    pub(super) fn take(&mut self, headers: &HeaderMap, now: SystemTime) {
        for header in headers.get_all(SET_COOKIE) {
            let Some(cookie) = header.to_str().ok().and_then(|text| parse(text, now)) else {
                continue;
            };
            self.0.retain(|own| own.name != cookie.name);
            let expired = cookie.expires.is_some_and(|at| at <= now);
            if !expired && self.0.len() < MAX_COOKIES {
                self.0.push(cookie);
            }
        }
    }

    /// The value of a `Cookie` header, behind what the application says itself.
    pub(super) fn header(&mut self, own: Option<&str>, now: SystemTime) -> Option<String> {
        self.0
            .retain(|cookie| cookie.expires.is_none_or(|at| at > now));
        let pairs = self
            .0
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value));
        let pairs: Vec<String> = own.map(str::to_owned).into_iter().chain(pairs).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn parse(text: &str, now: SystemTime) -> Option<Cookie> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > MAX_COOKIE {
        return None;
    }
    let (mut expires, mut max_age) = (None, None);
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "expires" => {
                // some write the date with dashes
                let date = value.trim().replace('-', " ");
                expires = httpdate::parse_http_date(&date)
                    .or_else(|_| httpdate::parse_http_date(value.trim()))
                    .ok();
            }
            "max-age" => max_age = value.trim().parse::<i64>().ok(),
            _ => {}
        }
    }
    // Max-Age goes before Expires; what is too far away for a date never comes
    let expires = match max_age.map(u64::try_from) {
        None => expires,
        Some(Ok(seconds)) => now.checked_add(Duration::from_secs(seconds)),
        Some(Err(_)) => Some(now),
    };
    Some(Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn take(jar: &mut Jar, cookies: &[&str], now: u64) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie.parse().unwrap());
        }
        jar.take(&headers, at(now));
    }

    #[test]
    fn what_is_set_is_sent_until_it_expires() {
        let mut jar = Jar::default();
        assert_eq!(jar.header(None, at(0)), None);
        assert_eq!(jar.header(Some("own=1"), at(0)).unwrap(), "own=1");
        let set = [
            "a=1; Path=/; HttpOnly; SameSite=Lax",
            "b=x=y; Max-Age=10",
            "c=\"q\"; Expires=Thu, 01 Jan 1970 00:00:20 GMT",
            "d=4; expires=Thu, 01-Jan-1970 00:00:30 GMT",
            "e=5; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=100",
            "f=6; Max-Age=99999999999999999",
            "gone=1; Max-Age=0",
            "past=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "nonsense",
            "=nameless",
        ];
        take(&mut jar, &set, 5);
        let all = jar.header(Some("own=1"), at(6)).unwrap();
        assert_eq!(all, "own=1; a=1; b=x=y; c=\"q\"; d=4; e=5; f=6");
        assert_eq!(jar.header(None, at(25)).unwrap(), "a=1; d=4; e=5; f=6");
        take(&mut jar, &["a=2", "d=; Max-Age=-1", "e=7"], 26);
        assert_eq!(jar.header(None, at(27)).unwrap(), "f=6; a=2; e=7");
    }

    #[test]
    fn a_server_cannot_fill_the_jar() {
        let mut jar = Jar::default();
        take(&mut jar, &[&format!("a={}", "x".repeat(5000))], 0);
        assert_eq!(jar.header(None, at(0)), None);
        for n in 0..100 {
            take(&mut jar, &[&format!("c{n}=1")], 0);
        }
        assert_eq!(jar.0.len(), MAX_COOKIES);
    }
}
