fn main() {
    println!("cargo::rustc-env=GREETING={}", words::greeting());
}
