//! [`Input`]: stdin in lines, read by a thread of its own.

use std::io::{self, BufRead};
use std::thread;

use tokio::sync::mpsc;

/// Longest line.
const MAX_LINE: usize = 16 * 1024 * 1024;
/// What is read at once; lines travel together.
const CHUNK: usize = 64 * 1024;

/// A line and its number, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// Or what is wrong with it.
    pub(crate) text: Result<String, &'static str>,
}

/// The lines that were read together; the channel ends with the input. Two batches may wait, then
/// nothing more is read.
///
/// # Errors
/// There is no thread to be had.
pub(crate) fn start() -> io::Result<mpsc::Receiver<Vec<Line>>> {
    let (sender, receiver) = mpsc::channel(2);
    let read = move || {
        let stdin = io::BufReader::with_capacity(CHUNK, io::stdin().lock());
        let ended = read(stdin, MAX_LINE, |lines| sender.blocking_send(lines).is_ok());
        if let Err(error) = ended {
            crate::report(&format!("the input cannot be read: {error}"));
        }
    };
    // nobody waits for it: it sits in a read until the process ends
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(read)?;
    Ok(receiver)
}

/// Gives out lines until the end, or until nobody takes them.
fn read(
    mut input: impl BufRead,
    max: usize,
    mut give: impl FnMut(Vec<Line>) -> bool,
) -> io::Result<()> {
    let mut number = 1;
    let mut begun = Vec::new();
    let mut is_too_long = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let (read, is_end) = (chunk.len(), chunk.is_empty());
        let mut lines = Vec::new();
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (part, is_complete) = match part.split_last() {
                Some((b'\n', part)) => (part, true),
                _ => (part, false),
            };
            is_too_long |= begun.len() + part.len() > max;
            if is_too_long {
                begun = Vec::new();
            } else {
                begun.extend_from_slice(part);
            }
            if is_complete {
                lines.push(line(number, std::mem::take(&mut begun), is_too_long));
                is_too_long = false;
                number += 1;
            }
        }
        input.consume(read);
        if is_end && (is_too_long || !begun.is_empty()) {
            lines.push(line(number, std::mem::take(&mut begun), is_too_long));
        }
        if !lines.is_empty() && !give(lines) || is_end {
            return Ok(());
        }
    }
}

fn line(number: u64, bytes: Vec<u8>, is_too_long: bool) -> Line {
    let text = if is_too_long {
        Err("longer than 16 MiB")
    } else {
        String::from_utf8(bytes).map_err(|_| "no valid UTF-8")
    };
    Line { number, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], chunk: usize) -> Vec<Line> {
        let mut all = Vec::new();
        let input = io::BufReader::with_capacity(chunk, input);
        read(input, 8, |lines| {
            all.extend(lines);
            true
        })
        .unwrap();
        all
    }

    #[test]
    fn lines_are_numbered_and_bounded_however_they_come() {
        let input = b"one\n\n12345678\n123456789\n\xff\r\nlast";
        let expected = [
            Ok("one"),
            Ok(""),
            Ok("12345678"),
            Err("longer than 16 MiB"),
            Err("no valid UTF-8"),
            Ok("last"),
        ];
        for chunk in [1, 2, 5, 100] {
            let lines = lines(input, chunk);
            let texts = lines
                .iter()
                .map(|line| line.text.as_deref().map_err(|error| *error));
            assert!(texts.eq(expected), "{lines:?}");
            assert!(lines.iter().map(|line| line.number).eq(1..=6));
        }
        assert_eq!(lines(b"", 9), []);
        assert_eq!(lines(b"x\n123456789", 3).len(), 2);
        assert_eq!(lines(b"x\n", 3).len(), 1);
    }

    #[test]
    fn nothing_is_read_for_nobody() {
        let mut batches = 0;
        let input = io::BufReader::with_capacity(2, b"a\nb\nc\n".as_slice());
        read(input, 8, |_| {
            batches += 1;
            batches < 2
        })
        .unwrap();
        assert_eq!(batches, 2);
    }
}
