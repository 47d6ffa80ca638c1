//! [`Writer`]: the writing half of a client's WebSocket. Frames wait unmasked, and are masked as
//! they are copied together for one write.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

use crate::Frame;
use crate::net::buffers::{MASK_BYTES, lend_join};
use crate::net::pongs::Pongs;
use crate::net::ws::apply_mask;

#[derive(Debug, Default)]
pub(super) struct Writer {
    frames: VecDeque<Frame>,
    /// Bytes of the frames.
    bytes: usize,
    /// How far the first one was masked.
    cut: Option<Cut>,
    /// Answers to pings; they go before frames.
    pongs: Pongs,
    /// What was masked and not written.
    staged: Vec<u8>,
    /// How much of it has left.
    written: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    mask: [u8; 4],
    done: usize,
}

impl Writer {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, content: &[u8]) {
        self.pongs.push(content);
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.bytes + self.staged.len() - self.written
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.pongs.is_empty() && self.staged.is_empty()
    }

    /// Whether the stream took less than it was given.
    pub(super) fn is_stuck(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Forgets what waits, but for a frame that left in part.
    pub(super) fn give_up(&mut self) {
        self.frames.truncate(usize::from(self.cut.is_some()));
        self.bytes = self.frames.iter().map(Frame::len).sum();
    }

    /// Writes until nothing waits.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            if self.staged.is_empty() {
                ready!(lend_join(|join| {
                    self.fill(join)?;
                    let written = match Pin::new(&mut *stream).poll_write(cx, join) {
                        Poll::Ready(written) => some(written?)?,
                        Poll::Pending => 0,
                    };
                    let rest = join.get(written..).unwrap_or_default();
                    self.staged.extend_from_slice(rest);
                    match written {
                        0 => Poll::Pending,
                        _ => Poll::Ready(Ok::<_, io::Error>(())),
                    }
                }))?;
            } else {
                let rest = self.staged.get(self.written..).unwrap_or_default();
                self.written += some(ready!(Pin::new(&mut *stream).poll_write(cx, rest))?)?;
                if self.written >= self.staged.len() {
                    (self.staged, self.written) = (Vec::new(), 0);
                }
            }
        }
        if self.frames.capacity() > 64 {
            self.frames = VecDeque::new();
        }
        Pin::new(stream).poll_flush(cx)
    }

    /// Masks frames into `out`, about [`MASK_BYTES`].
    fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while out.len() < MASK_BYTES {
            if self.cut.is_none()
                && let Some(pong) = self.pongs.pop()
            {
                let mask = begin(&pong, out)?;
                append(pong.payload(), mask, 0, out);
                continue;
            }
            let Some(frame) = self.frames.front() else {
                break;
            };
            let Cut { mask, done } = match self.cut {
                Some(cut) => cut,
                None => Cut {
                    mask: begin(frame, out)?,
                    done: 0,
                },
            };
            let rest = frame.payload().get(done..).unwrap_or_default();
            let room = MASK_BYTES.saturating_sub(out.len());
            let part = rest.get(..room).unwrap_or(rest);
            append(part, mask, done, out);
            if part.len() == rest.len() {
                self.cut = None;
                self.bytes -= frame.len();
                self.frames.pop_front();
            } else {
                let done = done + part.len();
                self.cut = Some(Cut { mask, done });
            }
        }
        Ok(())
    }
}

/// A write of nothing would be repeated for ever.
fn some(written: usize) -> io::Result<usize> {
    match written {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

/// Writes the header of a frame, with a new mask.
fn begin(frame: &Frame, out: &mut Vec<u8>) -> io::Result<[u8; 4]> {
    let mask = new_mask()?;
    let first = frame.wire().first().copied().unwrap_or_default();
    let header = FrameHeader {
        opcode: OpCode::from(first & 0x0f),
        mask: Some(mask),
        ..FrameHeader::default()
    };
    let len = frame.payload().len() as u64;
    header.format(len, out).map_err(io::Error::other)?;
    Ok(mask)
}

/// Appends a part of a frame, `done` bytes behind its beginning.
fn append(part: &[u8], mask: [u8; 4], done: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(part);
    let mut mask = mask;
    mask.rotate_left(done % 4);
    apply_mask(out.get_mut(start..).unwrap_or_default(), mask);
}

/// Bytes that are asked of the system at a time: one call for 64 frames.
const POOL: usize = 256;

thread_local! {
    static MASKS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A mask that nobody can know before: the application's bytes never stand on the wire as it
/// chose them (section 10.3).
fn new_mask() -> io::Result<[u8; 4]> {
    MASKS.with_borrow_mut(|pool| {
        if pool.is_empty() {
            pool.resize(POOL, 0);
            if let Err(error) = getrandom::fill(pool) {
                pool.clear();
                return Err(io::Error::other(error));
            }
        }
        let at = pool.len() - 4;
        let mask = pool.get(at..).and_then(|mask| mask.try_into().ok());
        pool.truncate(at);
        Ok(mask.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::Data;
    use crate::net::ws::{Item, Reader, Role};

    /// A stream that takes some bytes each time, and sometimes none.
    struct Slow {
        taken: Vec<u8>,
        steps: Vec<usize>,
        writes: usize,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes += 1;
            match self.steps.pop() {
                Some(0) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                step => {
                    let count = step.unwrap_or(usize::MAX).min(bytes.len());
                    self.taken.extend_from_slice(&bytes[..count]);
                    Poll::Ready(Ok(count))
                }
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn written(writer: &mut Writer, steps: &[usize]) -> Slow {
        let mut slow = Slow {
            taken: Vec::new(),
            steps: steps.to_vec(),
            writes: 0,
        };
        let mut cx = Context::from_waker(Waker::noop());
        while writer.poll_flush(&mut cx, &mut slow).is_pending() {}
        assert!(writer.is_empty() && writer.queued() == 0 && !writer.is_stuck());
        slow
    }

    fn read(bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut reader = Reader::new(Role::Server, 1_000_000);
        let fed = reader.feed(&mut bytes.to_vec(), |item| items.push(item));
        assert_eq!(fed, Ok(()));
        items
    }

    fn messages() -> Vec<Data> {
        let sizes = [
            0, 1, 2, 3, 5, 124, 125, 126, 127, 70_000, 9, MASK_BYTES, 65_534,
        ];
        let text = sizes.iter().map(|len| Data::Text("é".repeat(*len).into()));
        let binary = |len: &usize| Data::Binary((0..*len).map(|n| n as u8).collect());
        text.chain(sizes.iter().map(binary)).collect()
    }

    #[test]
    fn what_is_written_is_what_a_server_reads_however_the_stream_takes_it() {
        for steps in [
            &[][..],
            &[1; 3000],
            &[0, 7, 0, 16_000, 3, 0, 0, 1].repeat(40),
        ] {
            let mut writer = Writer::default();
            for data in messages() {
                writer.push(Frame::message(&data));
            }
            let items = read(&written(&mut writer, steps).taken);
            assert_eq!(items.len(), messages().len());
            for (item, data) in items.into_iter().zip(messages()) {
                match (item, data) {
                    (Item::Message(Data::Text(got)), Data::Text(sent)) => {
                        assert_eq!(got.strip_prefix('4'), Some(&*sent));
                    }
                    (Item::Message(got), sent) => assert_eq!(got, sent),
                    (item, _) => panic!("{item:?}"),
                }
            }
        }
    }

    #[test]
    fn small_frames_leave_in_one_write_and_no_mask_repeats() {
        let mut writer = Writer::default();
        for _ in 0..100 {
            writer.push(Frame::message(&Data::from("same")));
        }
        let slow = written(&mut writer, &[]);
        assert_eq!(slow.writes, 1);
        let mut masks: Vec<&[u8]> = slow.taken.chunks(11).map(|frame| &frame[2..6]).collect();
        masks.sort_unstable();
        masks.dedup();
        assert_eq!(masks.len(), 100);
    }

    #[test]
    fn a_pong_goes_before_frames_and_not_into_one() {
        let mut writer = Writer::default();
        let large = Data::Binary(vec![7; 50_000].into());
        writer.push(Frame::message(&large));
        writer.push(Frame::message(&Data::from("after")));
        let mut cx = Context::from_waker(Waker::noop());
        let mut slow = Slow {
            taken: Vec::new(),
            steps: vec![0, 20_000],
            writes: 0,
        };
        assert!(writer.poll_flush(&mut cx, &mut slow).is_pending());
        writer.pong(b"old");
        writer.pong(b"new");
        while writer.poll_flush(&mut cx, &mut slow).is_pending() {}
        let mut reader = Reader::new(Role::Server, 1_000_000);
        let mut items = Vec::new();
        reader
            .feed(&mut slow.taken, |item| items.push(item))
            .unwrap();
        // a server's reader says nothing of pongs
        assert_eq!(items.len(), 2);
        assert_eq!(items[0], Item::Message(large));
    }
}
