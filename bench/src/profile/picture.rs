//! The profile as bars: one for each server, as long as its request takes, cut into layers.

use std::fmt::Write as _;

use super::{Layer, Profile};

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 430.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 64.0;
const STEP: f64 = 40.0;
const BAR: f64 = 24.0;

/// One hue from the wire inwards, and another for what is ours.
fn colour(layer: Layer) -> &'static str {
    match layer {
        Layer::KernelSend => "#5b6b7f",
        Layer::KernelReceive => "#8594a6",
        Layer::Tokio => "#9db7c9",
        Layer::Http => "#6fa3b8",
        Layer::Mcp => "#e0793d",
        Layer::Json => "#e9b44c",
        Layer::Memory => "#b0577a",
        Layer::Other => "#b9b9b9",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
pub(super) fn svg(profiles: &[Profile]) -> String {
    let longest = profiles.iter().map(|profile| profile.cpu_us).fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let height = TOP + STEP * profiles.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"CPU time per request, by layer\">\n\
         <style>text {{ fill: #1d2733 }} .page {{ fill: #ffffff }} .line {{ stroke: #d5dbe2 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e4e9ef }} .page {{ fill: #12181f }} .line {{ stroke: #2b3541 }} }}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    legend(&mut svg);
    let bottom = TOP + STEP * profiles.len() as f64;
    for mark in ticks(longest) {
        let x = LEFT + mark * scale;
        let _ = writeln!(
            svg,
            "<line class=\"line\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>",
            TOP - 6.0
        );
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark} µs</text>",
            bottom + 18.0
        );
    }
    for (number, profile) in profiles.iter().enumerate() {
        bar(&mut svg, profile, TOP + STEP * number as f64, scale);
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, profile: &Profile, y: f64, scale: f64) {
    let middle = y + BAR / 2.0 + 4.5;
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 10.0,
        profile.title
    );
    let mut x = LEFT;
    for layer in Layer::ALL {
        let time = profile.cpu_us * profile.shares.of_layer(layer);
        let (width, fill) = (time * scale, colour(layer));
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{fill}\"><title>{}: {time:.2} µs</title></rect>",
            layer.title()
        );
        x += width;
    }
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{middle:.1}\">{:.1} µs</text>", x + 8.0, profile.cpu_us);
}

fn legend(svg: &mut String) {
    // By hand, since text has no width here: two lines of four.
    for (number, layer) in Layer::ALL.into_iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "up to seven")]
        let (x, y) = (20.0 + 260.0 * (number % 4) as f64, 14.0 + 22.0 * (number / 4) as f64);
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{}\"/>",
            colour(layer)
        );
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", x + 18.0, y + 11.0, layer.title());
    }
}

/// Round numbers up to the longest bar.
fn ticks(longest: f64) -> Vec<f64> {
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
        .into_iter()
        .find(|step| longest / step <= 8.0)
        .unwrap_or(500.0);
    std::iter::successors(Some(0.0), |mark| Some(mark + step)).take_while(|mark| *mark <= longest).collect()
}
