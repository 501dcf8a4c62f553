//! Says what is to be paid.

fn main() {
    let prices: Vec<u32> = std::env::args().skip(1).filter_map(|price| price.parse().ok()).collect();
    if prices.is_empty() {
        eprintln!("nothing to pay");
        std::process::exit(1);
    }
    println!("{}", till::sum(&prices));
}
