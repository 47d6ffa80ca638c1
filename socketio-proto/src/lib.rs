//! Socket.IO packets and connection machine, without I/O.
