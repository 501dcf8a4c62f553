//! The binary with the library's name.

fn main() {
    println!("app says hello");
}

#[cfg(test)]
mod tests {
    #[test]
    fn writes_its_surroundings() {
        envdump::write("bin-app");
    }

    #[test]
    fn stands_in_its_package() {
        assert_eq!(mac::seven!(), 7);
    }
}
