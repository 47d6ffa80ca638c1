//! [`Options`]: the command line.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser as Text;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use socketio_client::{Manager, NamespaceId, Parser, Reconnect, Tls, Transport, Value};

/// What may wait to be sent: room for the longest line beside as much again.
pub(crate) const MAX_BUFFERED: usize = 48 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) manager: Manager,
    /// At least one; the first one is meant by lines that name none.
    pub(crate) namespaces: Vec<NamespaceId>,
    /// Whether anything is tried again.
    pub(crate) reconnects: bool,
    pub(crate) each: Each,
    pub(crate) auto_ack: bool,
    pub(crate) insecure: bool,
    pub(crate) linger: Duration,
}

/// What every namespace is like.
#[derive(Debug)]
pub(crate) struct Each {
    pub(crate) auth: Option<Value>,
    pub(crate) ack_timeout: Option<Duration>,
    pub(crate) retries: u32,
}

/// Why nothing is done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The help or the version was asked for.
    Asked(Answer),
    /// What is wrong, in one line.
    Bad(String),
}

/// A text for stdout.
#[derive(Debug)]
pub(crate) struct Answer(clap::Error);

impl Answer {
    pub(crate) fn print(&self) -> ExitCode {
        match self.0.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    }
}

impl Options {
    /// Reads the command line, the name of the program first.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, Refusal> {
        let matches = command().try_get_matches_from(args).map_err(|error| {
            if error.use_stderr() {
                Refusal::Bad(one_line(&error.to_string()))
            } else {
                Refusal::Asked(Answer(error))
            }
        })?;
        Self::new(&matches).map_err(Refusal::Bad)
    }

    fn new(given: &ArgMatches) -> Result<Self, String> {
        let url = one::<String>(given, "URL").unwrap_or_default();
        let mut builder =
            Manager::builder(&url).map_err(|error| format!("the URL {url:?}: {error}"))?;
        let mut namespaces: Vec<NamespaceId> = Vec::new();
        for name in all::<String>(given, "namespace") {
            let namespace = NamespaceId::new(name.as_str());
            let namespace =
                namespace.map_err(|error| format!("the namespace {name:?}: {error}"))?;
            if !namespaces.contains(&namespace) {
                namespaces.push(namespace);
            }
        }
        if namespaces.is_empty() {
            let named = builder.url_namespace();
            namespaces.push(named.map_err(|error| format!("the URL {url:?}: {error}"))?);
        }

        let transports: Vec<Transport> = all::<String>(given, "transport")
            .map(|name| match name.as_str() {
                "polling" => Transport::Polling,
                _ => Transport::WebSocket,
            })
            .collect();
        if !transports.is_empty() {
            builder = builder.transports(transports);
        }
        if let Some(path) = one::<String>(given, "path") {
            builder = builder.path(path);
        }
        for header in all::<String>(given, "header") {
            let Some((name, value)) = header.split_once(':') else {
                return Err(format!("the header {header:?}: expected 'Name: value'"));
            };
            builder = builder.header(name.trim(), value.trim());
        }
        for parameter in all::<String>(given, "query") {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err(format!("the query {parameter:?}: expected NAME=VALUE"));
            };
            builder = builder.query(name, value);
        }
        if one::<String>(given, "parser").as_deref() == Some("msgpack") {
            builder = builder.parser(Parser::Msgpack);
        }
        if given.get_flag("insecure") {
            let tls = Tls::new().dangerous_accept_any_certificate();
            builder = builder.engine(|options| options.tls(tls));
        }
        let reconnect = reconnect(given);
        let builder = builder
            .upgrade(!given.get_flag("no-upgrade"))
            .reconnect(reconnect)
            .max_buffered(MAX_BUFFERED);
        Ok(Self {
            manager: builder.build().map_err(|error| error.to_string())?,
            namespaces,
            reconnects: reconnect.is_enabled(),
            each: Each {
                auth: one::<String>(given, "auth").map(auth).transpose()?,
                ack_timeout: millis(given, "ack-timeout"),
                retries: one(given, "retries").unwrap_or_default(),
            },
            auto_ack: given.get_flag("auto-ack"),
            insecure: given.get_flag("insecure"),
            linger: millis(given, "linger").unwrap_or_default(),
        })
    }
}

fn command() -> Command {
    let option = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Set);
    let text = |name| option(name).value_parser(Text::new());
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let number = |name| {
        option(name)
            .value_parser(value_parser!(u32))
            .value_name("N")
    };
    let time = |name| {
        option(name)
            .value_parser(value_parser!(u64))
            .value_name("MS")
    };
    Command::new("siocat")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Socket.IO for the terminal: events on stdin and stdout, a JSON value a line.")
        .after_help(AFTER)
        .args([
            Arg::new("URL")
                .required(true)
                .value_parser(Text::new())
                .help("http, https, ws or wss; its path names a namespace"),
            text("namespace")
                .short('n')
                .action(ArgAction::Append)
                .value_name("/NAME")
                .help("Connect to this namespace, the first of them for bare lines [default: the URL's path]"),
            text("auth").value_name("JSON").help("The credentials for all namespaces, an object"),
            text("path").value_name("PATH").help("Path of the endpoint [default: /socket.io/]"),
            option("transport")
                .value_name("NAME")
                .action(ArgAction::Append)
                .value_parser(["polling", "websocket"])
                .help("What to connect with, in this order [default: polling, then websocket]"),
            flag("no-upgrade").help("Stay on the first transport"),
            flag("no-reconnect").help("Try nothing again"),
            time("reconnect-delay").help("The wait before the first attempt [default: 1000]"),
            time("reconnect-delay-max").help("The longest wait [default: 5000]"),
            number("attempts").help("How many attempts in a row may fail [default: any number]"),
            text("header")
                .action(ArgAction::Append)
                .value_name("Name: value")
                .help("A header of every request"),
            text("query")
                .action(ArgAction::Append)
                .value_name("NAME=VALUE")
                .help("A parameter of every request"),
            time("ack-timeout").help("How long acks may take from the emit [default: 30000 from the sending]"),
            number("retries").help("Send every event again until it is acknowledged, at most N times"),
            option("parser")
                .value_name("NAME")
                .value_parser(["json", "msgpack"])
                .help("How packets are written, as at the server [default: json]"),
            flag("insecure").help("Accept any certificate: no protection at all"),
            flag("auto-ack").help("Answer events that ask for it with their own arguments"),
            time("linger").help("Stay that long after the end of the input [default: 0]"),
        ])
}

const AFTER: &str = r#"Input lines:
  ["event", ARG, ...]                             emit in the first namespace
  {"emit": ["event", ...], "nsp": "/chat", "ack": true, "tag": "t1", "volatile": true}
  {"answer": ACK_ID, "args": [...]}               answer an event
  {"connect": "/chat"}, {"disconnect": "/chat"}
Bytes are {"$bin": "BASE64"}, both ways. At the end of the input siocat waits for open acks and ends.

Exit status: 0, or 1 when the first connection fails for good, or 2 for a bad command line."#;

fn one<T: Clone + Send + Sync + 'static>(given: &ArgMatches, name: &str) -> Option<T> {
    given.get_one::<T>(name).cloned()
}

fn all<'a, T: Clone + Send + Sync + 'static>(
    given: &'a ArgMatches,
    name: &str,
) -> impl Iterator<Item = &'a T> {
    given.get_many::<T>(name).into_iter().flatten()
}

fn millis(given: &ArgMatches, name: &str) -> Option<Duration> {
    one(given, name).map(Duration::from_millis)
}

fn reconnect(given: &ArgMatches) -> Reconnect {
    if given.get_flag("no-reconnect") {
        return Reconnect::never();
    }
    let mut reconnect = Reconnect::default().attempts(one::<u32>(given, "attempts"));
    if let Some(delay) = millis(given, "reconnect-delay") {
        reconnect = reconnect.delay(delay);
    }
    if let Some(delay) = millis(given, "reconnect-delay-max") {
        reconnect = reconnect.delay_max(delay);
    }
    reconnect
}

/// Credentials travel as JSON: there are no bytes in them.
fn auth(text: String) -> Result<Value, String> {
    match serde_json::from_str(&text) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err("--auth: expected a JSON object".to_owned()),
        Err(error) => Err(format!("--auth: {error}")),
    }
}

/// What clap says before it goes on about usage.
fn one_line(words: &str) -> String {
    let first = words.split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    format!("{line} (try --help)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let args = ["siocat"].iter().chain(args).map(OsString::from);
        Options::parse(args).map_err(|refusal| match refusal {
            Refusal::Asked(text) => text.0.to_string(),
            Refusal::Bad(words) => words,
        })
    }

    #[test]
    fn the_url_names_the_namespace_unless_an_option_does() {
        let names = |args: &[&str]| -> Vec<String> {
            let options = parse(args).unwrap();
            options.namespaces.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&["http://h"]), ["/"]);
        assert_eq!(names(&["wss://h/chat?x=1"]), ["/chat"]);
        assert_eq!(
            names(&["h/x", "-n", "/b", "-n", "a", "-n", "/b"]),
            ["/b", "/a"]
        );
    }

    #[test]
    fn a_bad_command_line_is_told_in_one_line() {
        for (args, words) in [
            (&[][..], "<URL>"),
            (&["http://h", "--nonsense"], "--nonsense"),
            (&["http://h", "--attempts", "x"], "--attempts"),
            (&["http://h", "--attempts", "-1"], "-1"),
            (&["http://h", "--transport", "pigeon"], "pigeon"),
            (&["http://h", "--parser", "xml"], "xml"),
            (
                &["http://h", "--auth", "7"],
                "--auth: expected a JSON object",
            ),
            (&["http://h", "--auth", "{"], "--auth: "),
            (&["http://h", "--header", "x"], "expected 'Name: value'"),
            (&["http://h", "--header", "a b: x"], "a b"),
            (&["http://h", "--query", "x"], "expected NAME=VALUE"),
            (&["http://h", "-n", "/a,b"], "/a,b"),
            (&["http://h/a,b"], "http://h/a,b"),
            (&["ftp://h"], "ftp://h"),
            (&["http://h", "more"], "more"),
        ] {
            let said = parse(args).unwrap_err();
            assert!(
                said.contains(words) && !said.contains('\n'),
                "{args:?}: {said}"
            );
        }
    }

    #[test]
    fn every_option_is_known() {
        let options = parse(&[
            "https://h",
            "--path",
            "/p/",
            "--transport",
            "websocket",
            "--transport",
            "polling",
            "--no-upgrade",
            "--reconnect-delay",
            "1",
            "--reconnect-delay-max",
            "2",
            "--attempts",
            "3",
            "--header",
            "A: b:c",
            "--header",
            "D: e",
            "--query",
            "k=v=w",
            "--query",
            "l=",
            "--ack-timeout",
            "4",
            "--retries",
            "5",
            "--parser",
            "msgpack",
            "--insecure",
            "--auto-ack",
            "--auth",
            r#"{"a":1}"#,
            "--linger",
            "6",
        ]);
        let options = options.unwrap();
        assert_eq!(options.each.ack_timeout, Some(Duration::from_millis(4)));
        assert_eq!((options.each.retries, options.reconnects), (5, true));
        assert!(!parse(&["h", "--no-reconnect"]).unwrap().reconnects);
        assert!(
            !parse(&["h", "--no-reconnect", "--attempts", "9"])
                .unwrap()
                .reconnects
        );
        assert!(!parse(&["h", "--attempts", "0"]).unwrap().reconnects);
        let (help, version) = (parse(&["--help"]), parse(&["--version"]));
        assert!(help.unwrap_err().contains("--ack-timeout <MS>"));
        assert_eq!(
            version.unwrap_err(),
            concat!("siocat ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}
