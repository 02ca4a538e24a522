using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Collector.Pipelines;

namespace SloEngine.Collector.Tests.Pipelines;

/// <summary>What is taken out of texts, and what stays: secrets here are made up, of the right shape.</summary>
public sealed class RedactorTests
{
    private static readonly Redactor All = new(RedactionPatterns.All, []);

    [Theory]
    [InlineData("Authorization: Bearer abcdef0123456789ABCDEF", "Authorization: Bearer [redacted:bearer]")]
    [InlineData("sent bearer mF_9.B5f-4.1JqM9aaaa to upstream", "sent bearer [redacted:bearer] to upstream")]
    [InlineData("authorization=Basic dXNlcjpwYXNzd29yZA==", "authorization=Basic [redacted:secret]")]
    [InlineData("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "jwt [redacted:token]!")]
    [InlineData("key AKIAIOSFODNN7EXAMPLE used", "key [redacted:aws-key] used")]
    [InlineData("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [redacted:secret]")]
    [InlineData("clone with ghp_abcdefghijklmnopqrstuvwxyz0123456789", "clone with [redacted:github-token]")]
    [InlineData("github_pat_11ABCDEFG0abcdefghijkl_mnop", "[redacted:github-token]")]
    [InlineData("login?user=bob&password=hunter2&next=/", "login?user=bob&password=[redacted:secret]&next=/")]
    [InlineData("""{"db_password": "a b'c", "host": "db"}""", """{"db_password": "[redacted:secret]", "host": "db"}""")]
    [InlineData("X-Api-Key: 12345, next", "X-Api-Key: [redacted:secret], next")]
    [InlineData("paid by 4111 1111 1111 1111 today", "paid by [redacted:card] today")]
    [InlineData("4111111111111111 12/27", "[redacted:card] 12/27")]
    [InlineData("4111 1111 1111 1111 123", "[redacted:card] 123")]
    [InlineData("4111111111111111 5500000000000004", "[redacted:card] [redacted:card]")]
    [InlineData("4111111111111111 2027-01-31 0815", "[redacted:card] 2027-01-31 0815")]
    [InlineData("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted:secret]")]
    [InlineData("Authorization: Token 0123abcd", "Authorization: Token [redacted:secret]")]
    [InlineData("password := hunter2", "password := [redacted:secret]")]
    [InlineData("\"password\"=>\"hunter2\"", "\"password\"=>\"[redacted:secret]\"")]
    [InlineData("password:\thunter2", "password:\t[redacted:secret]")]
    [InlineData("card=5500-0000-0000-0004", "card=[redacted:card]")]
    [InlineData("378282246310005", "[redacted:card]")]
    [InlineData("mail from Jane.Doe+tag@mail.example.co.uk.", "mail from [redacted:email].")]
    [InlineData("postgres://app:s3cret@db.internal.example/x", "postgres://app:[redacted:email]/x")]
    [InlineData("amqp://guest:s3cr:et@rabbitmq:5672/vhost", "amqp://guest:[redacted:secret]@rabbitmq:5672/vhost")]
    [InlineData("amqp://guest:s/3?c#r@et@rabbitmq:5672/vhost tail", "amqp://guest:[redacted:secret]@rabbitmq:5672/vhost tail")]
    [InlineData("redis://:s3cret@localhost", "redis://:[redacted:secret]@localhost")]
    [InlineData("""{"password":"ab\"cd\\","user":"x"}""", """{"password":"[redacted:secret]","user":"x"}""")]
    [InlineData("""sent "{\"password\":\"ab\\\"cd\\\\\",\"user\":\"x\"}" on""", """sent "{\"password\":\"[redacted:secret]\",\"user\":\"x\"}" on""")]
    [InlineData("""password='a\'b' next""", "password='[redacted:secret]' next")]
    [InlineData("Authorization: Digest username=\"u\", response=\"6629fae4\"\r\nHost: x", "Authorization: Digest [redacted:secret]\r\nHost: x")]
    [InlineData("a@example.com and b@example.org", "[redacted:email] and [redacted:email]")]
    public void Secrets_and_personal_data_are_taken_out_and_the_rest_stays(string text, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(All.Redact(Encoding.UTF8.GetBytes(text)) ?? []));

    [Theory]
    [InlineData("GET /orders/1234567 200 in 35 ms")]
    [InlineData("the bearer of good news arrived")]
    [InlineData("bearer authentication failed")]
    [InlineData("order 4111111111111112 has a wrong check digit")]
    [InlineData("at 1767225600000000000 ns")]
    [InlineData("at 1767225600000 ms")]
    [InlineData("trace 4bf92f3577b34da6a3ce929d0e0e4736")]
    [InlineData("id 41111111111111110000000000")]
    [InlineData("latency 0.4111111111111111 s")]
    [InlineData("user @home said: hi @ 10")]
    [InlineData("GET http://host:8080/path?mail=a@b and https://host/x:y@z")]
    [InlineData("https://user@host/ and ://:@ and http://a:@b")]
    [InlineData("http://[::1]:80/x@y and http://host:/x@y and http://host:80x/y")]
    [InlineData("passwords are rotated; see token count: 12")]
    [InlineData("AKIA is how they begin, ghp_ too")]
    [InlineData("time=12:30:45 level=info msg=done")]
    [InlineData("größe=5 ✓")]
    [InlineData("4111 1111 1111 11112")]
    [InlineData("")]
    public void What_only_looks_like_it_stays(string text) => Assert.Null(All.Redact(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("http.request.header.authorization", true)]
    [InlineData("db.password", true)]
    [InlineData("client-secret", true)]
    [InlineData("password.length", false)]
    [InlineData("gen_ai.usage.input_tokens", false)]
    public void An_attribute_that_is_called_a_secret_loses_its_whole_value(string key, bool isSecret) =>
        Assert.Equal(isSecret ? "[redacted:secret]" : "x y", Encoding.UTF8.GetString(All.RedactValue(Encoding.UTF8.GetBytes(key), "x y"u8)));

    [Fact]
    public void Only_the_chosen_patterns_and_the_custom_ones_are_looked_for()
    {
        var own = new Redactor(RedactionPatterns.Email, [("session", new Regex("sess-[a-z]+", RegexOptions.NonBacktracking))]);

        Assert.Equal(
            "[redacted:session] of [redacted:email], password=x",
            Encoding.UTF8.GetString(own.Redact("sess-abc of a@example.com, password=x"u8)!));
    }

    /// <summary>A secret between words, by what is written and what stands for it.</summary>
    private static readonly Gen<(string Text, string Secret, string Kind)> Secrets = Gen.OneOf(
        Letters("abcXYZ0189-._~", 20, 60).Select(token => ($"Bearer 7{token}", "7" + token, "bearer")),
        Letters("abcXYZ019-_", 4, 40).Three().Select(parts => $"eyJ{parts.Item1}.eyJ{parts.Item2}.{parts.Item3}").Select(token => (token, token, "token")),
        Letters("ABCXYZ0189", 16, 16).Select(key => ("AKIA" + key, "AKIA" + key, "aws-key")),
        Letters("abcXYZ0189", 36, 50).Select(key => ("ghp_" + key, "ghp_" + key, "github-token")),
        Gen.OneOf(Letters("abcXYZ0189!$%*+-./@^~#ü", 1, 30), Gen.Constant("a@b.example")).Zip(Gen.Elements("password=", "db_password: ", "API-Key := ", "\"secret\" => "))
            .Select(pair => (pair.Item2 + pair.Item1, pair.Item1, "secret")),
        Letters("abc019 ,;&=:'{}[]<>\t", 1, 30).Select(text => ($"\"passwd\":\"{text}x\"", text + "x", "secret")),
        Gen.OneOf(Letters("abcXYZ0189.-_/?#:", 3, 20), Letters("abcXYZ0189.-_:@", 3, 20)).Select(password => "p" + password).Select(password => ($"amqp://app:{password}@broker:5672", password, "secret")),
        Letters("0123456789", 14, 14).Select(digits => Card("4" + digits)).Select(card => (card, card, "card")),
        Letters("0123456789", 14, 14).Select(digits => Card("5" + (char)('1' + ((digits[0] - '0') % 5)) + digits[1..])).Select(card => string.Join('-', card.Chunk(4).Select(group => new string(group))))
            .Select(card => (card, card, "card")),
        Letters("abcXYZ019._%+-", 1, 40).Zip(Letters("abcxyz019", 1, 20)).Select(mail => $"{mail.Item1}@{mail.Item2}.example").Select(mail => (mail, mail, "email")));

    [Fact]
    public void Whatever_stands_around_secrets_they_go_and_it_stays()
    {
        Gen<string> words = Gen.Elements("order", "200", "took 35 ms", "größe ✓", "(", "level=info", "at 12:30", "the bearer of news", "AKIA", "x@y", "{\"a\": 1}", "");
        Gen<(string Word, (string Text, string Secret, string Kind) Secret)[]> lines = words.Zip(Secrets).Select(pair => (pair.Item1, pair.Item2)).ArrayOf();

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), Prop.ForAll(lines.ToArbitrary(), pieces =>
        {
            string text = string.Concat(pieces.Select(static piece => $"{piece.Word} | {piece.Secret.Text} | "));
            string expected = string.Concat(pieces.Select(static piece => $"{piece.Word} | {Without(piece.Secret)} | "));

            byte[]? redacted = All.Redact(Encoding.UTF8.GetBytes(text));

            Assert.Equal(expected, pieces.Length == 0 ? expected : Encoding.UTF8.GetString(redacted ?? []));
            Assert.Null(redacted is null ? null : All.Redact(redacted));
        }));

        static string Without((string Text, string Secret, string Kind) secret)
        {
            int at = secret.Text.LastIndexOf(secret.Secret, StringComparison.Ordinal);
            at = secret.Kind == "secret" && secret.Text.StartsWith("amqp", StringComparison.Ordinal) ? "amqp://app:".Length : at;
            return $"{secret.Text[..at]}[redacted:{secret.Kind}]{secret.Text[(at + secret.Secret.Length)..]}";
        }
    }

    private static Gen<string> Letters(string of, int least, int most) =>
        Gen.Choose(least, most).SelectMany(length => Gen.Elements(of.ToCharArray()).ArrayOf(length)).Select(static letters => new string(letters));

    /// <summary>With the digit that the check of Luhn asks for.</summary>
    private static string Card(string digits)
    {
        int sum = digits.Reverse().Select((digit, at) => (digit - '0') * (at % 2 == 0 ? 2 : 1)).Sum(static value => (value / 10) + (value % 10));
        return digits + (char)('0' + ((10 - (sum % 10)) % 10));
    }

    [Theory]
    [InlineData("a@")]
    [InlineData("eyJ")]
    [InlineData("gh")]
    [InlineData("gho_")]
    [InlineData("password=\"")]
    [InlineData("earer ")]
    [InlineData("AKIA")]
    [InlineData("4 ")]
    [InlineData("4111-")]
    [InlineData("eyJ.eyJ")]
    [InlineData("://a:b@")]
    [InlineData("://a:b/")]
    [InlineData("pwd=\\\"")]
    [InlineData("pwd=\"\\\"")]
    [InlineData(": ")]
    public void Megabytes_of_beginnings_come_to_an_end(string beginning)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(beginning, 4_000_000 / beginning.Length)));

        byte[]? changed = All.Redact(text);

        // With a square of the length this would take hours.
        Assert.True(changed is null || changed.Length < text.Length * 20L);
    }
}
