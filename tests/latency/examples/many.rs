//! Prints what it costs to watch many pipelines over one transport, and over one each, and how soon the failure of one is seen.

use latency::many;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    println!("watched   over     requests a second   seen after: median   at most");
    for (count, over_one) in [
        (1, true),
        (2, true),
        (3, true),
        (20, true),
        (200, false),
        (200, true),
        (1_000, false),
        (1_000, true),
    ] {
        let cost = many::watch(count, over_one).await;
        let over = if over_one { "one" } else { "one each" };
        let (median, most) = (
            cost.seen[cost.seen.len() / 2],
            cost.seen[cost.seen.len() - 1],
        );
        println!(
            "{count:>7}   {over:<8} {:>17.2}   {median:>18.0?}   {most:>7.0?}",
            cost.per_second
        );
    }
}
