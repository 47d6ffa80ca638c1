//! `tracing` events. Without the feature they are nothing; their arguments are looked at either
//! way.

/// An event for those who look for a fault.
macro_rules! debug {
    ($($argument:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::debug!($($argument)*);
        #[cfg(not(feature = "tracing"))]
        let _ = || format!($($argument)*);
    }};
}

/// An event that somebody should look at.
macro_rules! warning {
    ($($argument:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::warn!($($argument)*);
        #[cfg(not(feature = "tracing"))]
        let _ = || format!($($argument)*);
    }};
}

pub(crate) use debug;
pub(crate) use warning;
