//! From the stacks that `perf script` prints to the share of each layer.

/// Whose work a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The system calls that send.
    KernelSend,
    /// Those that receive, wait, and everything else of the kernel.
    KernelReceive,
    /// Tasks, wake-ups, readiness.
    Tokio,
    /// HTTP/1.1: hyper, the header map, the connection's limits in `barewire-serve`, the router.
    Http,
    /// `barewire-mcp` and `barewire-mcp-server`, their look at tokens included.
    Mcp,
    /// Reading and writing JSON.
    Json,
    /// Allocation and copying, whoever asks for it.
    Memory,
    /// The rest.
    Other,
}

impl Layer {
    /// From the wire inwards.
    pub const ALL: [Self; 8] = [
        Self::KernelSend,
        Self::KernelReceive,
        Self::Tokio,
        Self::Http,
        Self::Mcp,
        Self::Json,
        Self::Memory,
        Self::Other,
    ];

    /// For a reader.
    pub fn title(self) -> &'static str {
        match self {
            Self::KernelSend => "kernel: sending",
            Self::KernelReceive => "kernel: receiving, waiting",
            Self::Tokio => "tokio",
            Self::Http => "HTTP",
            Self::Mcp => "MCP, authorization",
            Self::Json => "JSON",
            Self::Memory => "allocation, copying",
            Self::Other => "other",
        }
    }

    /// The layer of one stack, from the leaf outwards: the innermost frame that belongs to one.
    fn of(stack: &[&str]) -> Self {
        if stack.first().is_some_and(|leaf| leaf.contains(KERNEL)) {
            let sends = stack
                .iter()
                .any(|frame| ["writev", "sendmsg", "sendto"].iter().any(|call| frame.contains(call)));
            return if sends { Self::KernelSend } else { Self::KernelReceive };
        }
        if stack.first().is_some_and(|leaf| has(leaf, MEMORY)) {
            return Self::Memory;
        }
        let found = stack.iter().find_map(|frame| OWNERS.iter().find(|(marks, _)| has(frame, marks)));
        found.map_or(Self::Other, |(_, layer)| *layer)
    }
}

const KERNEL: &str = "([kernel.";
const MEMORY: &[&str] = &[
    "malloc",
    "_int_free",
    "cfree",
    "realloc",
    "calloc",
    "unlink_chunk",
    "tcache",
    "memmove",
    "memcpy",
    "memset",
];

/// The first that fits a frame, so the finer ones come first.
const OWNERS: &[(&[&str], Layer)] = &[
    (&["serde_json", "serde::", "serde_core"], Layer::Json),
    (
        &[
            "barewire_mcp_server",
            "barewire_mcp::",
            "barewire_oauth",
            "barewire_bench::server",
            "aws_lc",
            "sha2",
            "quick_cache",
        ],
        Layer::Mcp,
    ),
    (
        &[
            "barewire_serve",
            "hyper",
            "httparse",
            "httpdate",
            "http::",
            "http_body",
            "axum",
            "tower",
            "matchit",
            "floor::",
        ],
        Layer::Http,
    ),
    (&["tokio", "mio::"], Layer::Tokio),
];

fn has(frame: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| frame.contains(mark))
}

/// How often each layer was seen at work.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    counts: [u64; Layer::ALL.len()],
}

impl Shares {
    /// Reads what `perf script` prints: a line for each look, then its frames, indented, then an empty line.
    pub(super) fn of(script: &str) -> Self {
        let mut shares = Self::default();
        let mut stack = Vec::new();
        for line in script.lines().chain([""]) {
            if line.starts_with(char::is_whitespace) {
                stack.push(line.trim());
            } else if !stack.is_empty() {
                shares.counts[Layer::of(&stack) as usize] += 1;
                stack.clear();
            }
        }
        shares
    }

    pub(super) fn looks(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    pub(super) fn of_layer(&self, layer: Layer) -> f64 {
        self.counts[layer as usize] as f64 / self.looks().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_known_frame_decides() {
        let check = |stack: &[&str], expected| assert_eq!(Layer::of(stack), expected, "{stack:?}");
        check(
            &["1 tcp_ack+0x1 ([kernel.kallsyms])", "2 do_writev+0x1 ([kernel.kallsyms])", "3 hyper::x (/b)"],
            Layer::KernelSend,
        );
        check(&["1 ep_poll+0x1 ([kernel.kallsyms])", "2 tokio::x (/b)"], Layer::KernelReceive);
        check(&["1 malloc+0x1 (/libc)", "2 serde_json::x (/b)"], Layer::Memory);
        check(&["1 core::str::x (/b)", "2 serde_json::x (/b)", "3 barewire_mcp::x (/b)"], Layer::Json);
        check(&["1 core::str::x (/b)", "2 barewire_mcp::x (/b)", "3 hyper::x (/b)"], Layer::Mcp);
        check(&["1 <hyper::x as core::y>::z (/b)", "2 tokio::x (/b)"], Layer::Http);
        check(&["1 strange (/b)"], Layer::Other);
    }

    #[test]
    fn a_script_is_counted() {
        let script = "worker 1 2.3: 100 cpu-clock: \n\t1 malloc+0x1 (/libc)\n\t2 hyper::x (/b)\n\nworker 1 2.4: 100 cpu-clock: \n\t1 tokio::x (/b)\n\n";
        let shares = Shares::of(script);
        assert_eq!(
            (shares.looks(), shares.of_layer(Layer::Memory), shares.of_layer(Layer::Tokio)),
            (2, 0.5, 0.5)
        );
    }
}
