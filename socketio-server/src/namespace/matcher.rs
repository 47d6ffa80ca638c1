//! [`Matcher`]: which names a pattern of namespaces has.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use socketio_proto::NamespaceId;

use crate::handshake::Handshake;

/// What a path pattern or the named groups of a regular expression took from the name of a
/// namespace.
pub(crate) type Params = Vec<(Box<str>, Box<str>)>;

type Asked = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Which names belong to a dynamic namespace; see [`Namespace::matching`](super::Namespace).
pub struct Matcher(Kind);

enum Kind {
    Regex(regex::Regex),
    Path(matchit::Router<()>),
    Ask(Box<dyn Fn(Handshake) -> Asked + Send + Sync>),
}

/// A pattern that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid pattern: {0}")]
pub struct InvalidPattern(Box<str>);

impl Matcher {
    /// Names that the regular expression matches, in time linear to their length. It matches
    /// anywhere unless anchored (`^/orders-\d+$`). Named groups are
    /// [parameters](Handshake::param).
    ///
    /// # Errors
    /// It is no regular expression of the `regex` crate.
    pub fn regex(pattern: &str) -> Result<Self, InvalidPattern> {
        let regex = regex::Regex::new(pattern).map_err(invalid)?;
        Ok(Self(Kind::Regex(regex)))
    }

    /// Names of the form of a path pattern: `/orders/{id}`, `/files/{*rest}`. What stands for
    /// the braces is a [parameter](Handshake::param).
    ///
    /// # Errors
    /// It is no path pattern of the `matchit` crate.
    pub fn path(pattern: &str) -> Result<Self, InvalidPattern> {
        let mut router = matchit::Router::new();
        router.insert(pattern, ()).map_err(invalid)?;
        Ok(Self(Kind::Path(router)))
    }

    /// Names that the function accepts. It sees the whole handshake, auth included, of the
    /// client that asks first; while the namespace is there, others are not asked for. To
    /// judge each client, use [`before_connect`](super::Namespace::before_connect) or an auth
    /// step.
    pub fn new<F, Fut>(accept: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let ask = move |handshake| -> Asked { Box::pin(accept(handshake)) };
        Self(Kind::Ask(Box::new(ask)))
    }

    /// The parameters of the name, if it matches.
    pub(super) async fn matches(&self, handshake: &Handshake) -> Option<Params> {
        let name = handshake.namespace();
        match &self.0 {
            Kind::Regex(regex) => by_regex(regex, name),
            Kind::Path(router) => by_path(router, name),
            Kind::Ask(accept) => accept(handshake.clone()).await.then(Vec::new),
        }
    }
}

fn invalid(error: impl fmt::Display) -> InvalidPattern {
    InvalidPattern(error.to_string().into())
}

fn by_regex(regex: &regex::Regex, name: &NamespaceId) -> Option<Params> {
    let found = regex.captures(name.as_str())?;
    let group = |name: &str| Some((name.into(), found.name(name)?.as_str().into()));
    Some(regex.capture_names().flatten().filter_map(group).collect())
}

fn by_path(router: &matchit::Router<()>, name: &NamespaceId) -> Option<Params> {
    let found = router.at(name.as_str()).ok()?;
    let params = found.params.iter();
    Some(
        params
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    )
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Regex(regex) => f.debug_tuple("Regex").field(&regex.as_str()).finish(),
            Kind::Path(_) => f.write_str("Path"),
            Kind::Ask(_) => f.write_str("Function"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> NamespaceId {
        NamespaceId::new(name).expect("a name")
    }

    #[test]
    fn a_path_pattern_takes_its_parameters() {
        let Kind::Path(router) = Matcher::path("/orders/{id}/{*rest}").expect("a pattern").0 else {
            panic!("a path");
        };
        let params = by_path(&router, &id("/orders/17/a/b")).expect("a match");
        let expected: [(Box<str>, Box<str>); 2] =
            [("id".into(), "17".into()), ("rest".into(), "a/b".into())];
        assert_eq!(params, expected);
        assert_eq!(by_path(&router, &id("/orders/17")), None);
    }

    #[test]
    fn a_regular_expression_names_its_groups() {
        let regex = regex::Regex::new(r"^/room-(?P<n>\d+)(-.*)?$").expect("a pattern");
        let params = by_regex(&regex, &id("/room-12-x")).expect("a match");
        assert_eq!(params, [("n".into(), "12".into())]);
        assert_eq!(by_regex(&regex, &id("/room-x")), None);
    }

    #[test]
    fn what_is_no_pattern_says_so() {
        let error = Matcher::regex("(").expect_err("no pattern");
        assert!(
            error.to_string().starts_with("invalid pattern: "),
            "{error}"
        );
        assert!(Matcher::path("/{").is_err());
    }
}
