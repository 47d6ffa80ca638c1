//! A server and our client that both send all the time, with pauses, and write down everything.

mod client;
mod server;

pub(crate) use client::{Client, How};
pub(crate) use server::{PAUSE, Wish, server};
