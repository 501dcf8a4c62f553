//! Addresses as they may be shown or kept: without their passwords.

/// `user:***@host`, and no value of a parameter whose name speaks of a secret.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    // A password may hold a bare `/` or `?`.
    format!("{scheme}://{}", shown(rest, start_of_query, masked))
}

/// A word of a command, or a line of it, in which addresses may stand: without their passwords.
#[must_use]
pub fn word_without_passwords(word: &str) -> String {
    let mut pieces = word.split("://");
    let mut words = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let (address, rest) = piece.split_at(piece.find(ends).unwrap_or(piece.len()));
        words.push_str("://");
        words.push_str(&shown(address, end_of_authority, masked));
        words.push_str(rest);
    }
    words
}

/// An address that is kept: without its user, too, who may be a token, and who goes without a password nowhere.
#[must_use]
pub fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    format!("{scheme}://{}", shown(rest, end_of_authority, |_| String::new()))
}

/// What stands behind `://`: the values of secret parameters are hidden, and so are the credentials, the part before the
/// last `@` of what begins it.
fn shown(rest: &str, beginning: impl Fn(&str) -> usize, credentials: impl Fn(&str) -> String) -> String {
    // First: a value may hold an `@`, and that ends no credentials.
    let rest = without_secret_parameters(rest);
    let (place, behind) = rest.split_at(beginning(&rest));
    match place.rsplit_once('@') {
        Some((who, host)) => format!("{}{host}{behind}", credentials(who)),
        None => rest,
    }
}

fn masked(credentials: &str) -> String {
    match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:***@"),
        None => format!("{credentials}@"),
    }
}

fn end_of_authority(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

/// Where the parameters begin that stand behind the credentials; what does not look like some is none.
fn start_of_query(rest: &str) -> usize {
    let from = rest.find('@').unwrap_or(0);
    let query = rest.get(from..).and_then(|behind| behind.find('?')).map(|at| from + at);
    let is_query = |at: &usize| {
        let mut parameters = rest.get(at + 1..).unwrap_or_default().split('&');
        parameters.all(|parameter| parameter.split_once('=').is_some_and(|(name, _)| is_name(name)))
    };
    query.filter(is_query).unwrap_or(rest.len())
}

fn without_secret_parameters(rest: &str) -> String {
    let mut shown = String::with_capacity(rest.len());
    let mut left = rest;
    while let Some((before, parameter)) = left.find(['?', '&', '#']).and_then(|at| left.split_at_checked(at + 1)) {
        shown.push_str(before);
        let (pair, behind) = parameter.split_at(parameter.find('&').unwrap_or(parameter.len()));
        left = match pair.split_once('=') {
            Some((name, _)) if is_name(name) && is_secret(name) => {
                shown.extend([name, "=***"]);
                behind
            }
            _ => parameter,
        };
    }
    shown + left
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%'))
}

/// Does a parameter's name speak of a secret? One that is written oddly may.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "%"].into_iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("postgres://ci:s3cret@db:5432/gate", "postgres://ci:***@db:5432/gate"),
            ("postgres://ci:s3/c?r@et@db/gate", "postgres://ci:***@db/gate"),
            ("postgres://ci@db/gate?sslmode=require", "postgres://ci@db/gate?sslmode=require"),
            ("postgres://db/gate?user=ci&password=s3cret", "postgres://db/gate?user=ci&password=***"),
            ("postgres://db/gate?user=ci&password=p@s?s", "postgres://db/gate?user=ci&password=***"),
            ("postgres://ci@db/gate?password=p@ss", "postgres://ci@db/gate?password=***"),
            ("postgres://ci@db:5432/gate?password=p@ss", "postgres://ci@db:5432/gate?password=***"),
            ("postgres://db:5432/gate?password=p@ss", "postgres://db:5432/gate?password=***"),
            ("postgres://ci:s3cret@db:5432/gate?x=a@b&p%61ss=p@", "postgres://ci:***@db:5432/gate?x=a@b&p%61ss=***"),
            (
                "postgres://ci@db/gate?password=s3cret&application_name=a@b",
                "postgres://ci@db/gate?password=***&application_name=a@b",
            ),
            (
                "postgres://ci@db:5432/gate?password=s3cret&application_name=a@b",
                "postgres://ci@db:5432/gate?password=***&application_name=a@b",
            ),
            // As the client of the database reads it, this is a password before an `@`.
            ("postgres://db:5432/gate?password=s3cret&application_name=a@b", "postgres://db:***@b"),
            ("postgres://db", "postgres://db"),
            ("s3cret", "***"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn commands_are_shown_without_the_passwords_of_their_addresses() {
        for (word, shown) in [
            ("--url=https://ci:s3cret@host/x?y=a@b", "--url=https://ci:***@host/x?y=a@b"),
            (
                "curl 'ftp://a:b:c@h' && curl https://u@h/p:q@r \"ws://:x@h\"",
                "curl 'ftp://a:***@h' && curl https://u@h/p:q@r \"ws://:***@h\"",
            ),
            ("postgres://db/gate?password=s3cret", "postgres://db/gate?password=***"),
            (
                "psql 'postgres://ci@db:1/gate?a=b&password=p@ss' -c \"SELECT 'x?pass=y'\"",
                "psql 'postgres://ci@db:1/gate?a=b&password=***' -c \"SELECT 'x?pass=y'\"",
            ),
            ("git@host:repo", "git@host:repo"),
            ("://", "://"),
            ("docker://r/x:tag@sha256:1", "docker://r/x:tag@sha256:1"),
            ("", ""),
        ] {
            assert_eq!(word_without_passwords(word), shown);
        }
    }

    #[test]
    fn addresses_are_kept_without_user_and_secrets() {
        for (url, kept) in [
            ("https://u:p@gitlab/j/1", "https://gitlab/j/1"),
            ("https://t0ken@gitlab/j@1", "https://gitlab/j@1"),
            ("https://ci/j/1?token=t0ken&x=1#job", "https://ci/j/1?token=***&x=1#job"),
            ("https://ci/j?password=p@ss", "https://ci/j?password=***"),
            ("job 7", "job 7"),
        ] {
            assert_eq!(without_user(url), kept);
        }
    }
}
