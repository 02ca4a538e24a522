using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SloEngine.Collector.Receivers;
using SloEngine.Server.Configuration;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Authentication;

/// <summary>Reads the section <c>authentication</c> of the configuration file.</summary>
internal static class CredentialsText
{
    private const int ShortestSecret = 16;

    private static readonly string[] Keys = ["name", "token", "token_sha256", "user", "password", "password_sha256", "tenants", "rights"];

    /// <summary>Reads the credentials.</summary>
    /// <param name="section">The section.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="SloFileException">Something does not fit; the message says where, and what is expected.</exception>
    public static CredentialSet Read(YamlPlace section, Func<string, string?> environment)
    {
        section.RejectOtherKeys("open", "credentials");
        var open = new HashSet<string>(StringComparer.Ordinal);
        foreach (YamlPlace item in section.Optional("open")?.Items ?? [])
        {
            open.Add(item.Text is "scaling" or "metrics" ? item.Text : throw item.Fail($"{item.Path} is '{item.Text}', expected scaling or metrics"));
        }
        var credentials = new List<Credential>();
        foreach (YamlPlace item in section.Required("credentials").Items)
        {
            Credential credential = One(item, environment);
            if (credentials.Exists(known => known.Name == credential.Name))
            {
                throw item.Fail($"{item.Path}.name is '{credential.Name}', which another credential is called already");
            }
            if (credentials.Exists(known => known.User == credential.User && known.SecretHash.AsSpan().SequenceEqual(credential.SecretHash)))
            {
                throw item.Fail($"{item.Path} has the secret of another credential; expected one of its own");
            }
            credentials.Add(credential);
        }
        return credentials.Count > 0 ? new CredentialSet(credentials, open.Contains("scaling"), open.Contains("metrics"))
            : throw section.Fail($"{section.Path}.credentials is empty; expected at least one, or no section authentication");
    }

    private static Credential One(YamlPlace item, Func<string, string?> environment)
    {
        item.RejectOtherKeys(Keys);
        string? user = item.Optional("user")?.Text;
        string kind = user is null ? "token" : "password";
        if (item.Optional(user is null ? "password" : "token") is { } other)
        {
            throw other.Fail(user is null ? $"{other.Path} stands without a user; expected user and password, or a token" : $"{other.Path} stands beside a user, who has a password; expected one of both");
        }
        return new Credential(item.Required("name").Text, user, Secret(item, kind, environment), TenantsOf(item.Required("tenants")), RightsOf(item.Required("rights")));
    }

    private static byte[] Secret(YamlPlace item, string kind, Func<string, string?> environment)
    {
        if (item.Optional(kind + "_sha256") is { } hashed)
        {
            string hex = hashed.Text;
            return hex.Length == 64 && hex.All(char.IsAsciiHexDigit) ? Convert.FromHexString(hex)
                : throw hashed.Fail($"{hashed.Path} is no SHA-256; expected 64 hexadecimal digits, such as `printf %s \"$SECRET\" | sha256sum` prints");
        }
        YamlPlace reference = item.Optional(kind) ?? throw item.Fail($"{item.Path} has no secret; expected {kind}: ${{VARIABLE}} or {kind}_sha256");
        string text = reference.EnvironmentText(environment) ?? throw reference.Fail($"{reference.Path} holds a secret in clear; expected ${{VARIABLE}}, or {kind}_sha256");
        return text.Length >= ShortestSecret ? SHA256.HashData(Encoding.UTF8.GetBytes(text))
            : throw reference.Fail(string.Create(CultureInfo.InvariantCulture, $"{reference.Path} has {text.Length} characters; expected at least {ShortestSecret}, best random"));
    }

    private static List<string>? TenantsOf(YamlPlace place)
    {
        if (place.IsScalar)
        {
            return place.Text == "*" ? null : throw place.Fail($"{place.Path} is '{place.Text}', expected '*' for all, or a list of tenants");
        }
        var tenants = new List<string>();
        foreach (YamlPlace tenant in place.Items)
        {
            tenants.Add(Tenants.IsValid(tenant.Text) ? tenant.Text
                : throw tenant.Fail($"{tenant.Path} is '{tenant.Text}', which is no valid tenant name: letters, digits and !-_.*'(), at most 150"));
        }
        return tenants.Count > 0 ? tenants : throw place.Fail($"{place.Path} is empty; expected at least one tenant");
    }

    private static Rights RightsOf(YamlPlace place)
    {
        Rights rights = Rights.None;
        foreach (YamlPlace right in place.Items)
        {
            rights |= right.Text switch
            {
                "write" => Rights.Write,
                "read" => Rights.Read,
                "admin" => Rights.Admin,
                string other => throw right.Fail($"{right.Path} is '{other}', expected write, read or admin"),
            };
        }
        return rights != Rights.None ? rights : throw place.Fail($"{place.Path} is empty; expected write, read or admin");
    }
}
