//! File descriptors: one for each connection, and some for everything else.

/// Takes as many as the system allows. The usual soft limit of 1024 is for programs that use `select`, and less than
/// `serve.max_connections`: in a flood, databases could not be opened before connections are refused.
pub(crate) fn take_all() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};

        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of file descriptors stays as it is");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    use super::*;

    #[test]
    fn all_are_taken() {
        take_all();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
