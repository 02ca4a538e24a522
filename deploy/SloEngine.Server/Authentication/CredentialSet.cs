using System.Security.Cryptography;
using System.Text;

namespace SloEngine.Server.Authentication;

/// <summary>The credentials of a server, and what is open without one.</summary>
internal sealed class CredentialSet
{
    private readonly IReadOnlyList<Credential> _credentials;

    /// <summary>Makes a set; the server's own credential is in it.</summary>
    public CredentialSet(IReadOnlyList<Credential> credentials, bool opensScaling, bool opensMetrics)
    {
        (OpensScaling, OpensMetrics) = (opensScaling, opensMetrics);
        OwnToken = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        _credentials = [.. credentials, new Credential("sloengine", null, Hash(OwnToken), null, Rights.Write)];
    }

    /// <summary>Whether KEDA's calls and scaling signals need no credential.</summary>
    public bool OpensScaling { get; }

    /// <summary>Whether the server's own metrics need no credential.</summary>
    public bool OpensMetrics { get; }

    /// <summary>The token by which the server sends its own telemetry to itself; another at each start.</summary>
    public string OwnToken { get; }

    /// <summary>Finds whose a header <c>Authorization</c> is; else <paramref name="problem"/> says what is wrong with it.</summary>
    public Credential? Find(string? header, out string problem)
    {
        problem = "a credential is needed: a header Authorization with Bearer and a token, or Basic with user and password";
        if (string.IsNullOrEmpty(header))
        {
            return null;
        }
        int space = header.IndexOf(' ', StringComparison.Ordinal);
        string scheme = space < 0 ? header : header[..space];
        string rest = space < 0 ? "" : header[(space + 1)..].Trim();
        if (scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            problem = "the bearer token is not known";
            return Find(null, rest);
        }
        if (!scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            problem = "the scheme of the header Authorization is not known; expected Bearer or Basic";
            return null;
        }
        byte[] pair = new byte[rest.Length];
        if (!Convert.TryFromBase64String(rest, pair, out int length) || Encoding.UTF8.GetString(pair, 0, length) is var text && !text.Contains(':', StringComparison.Ordinal))
        {
            problem = "the header Authorization holds no base64 of user:password (RFC 7617)";
            return null;
        }
        problem = "user or password is not known";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return Find(text[..colon], text[(colon + 1)..]);
    }

    /// <summary>Compares with every credential, however early one fits, and hashes in constant time.</summary>
    private Credential? Find(string? user, string secret)
    {
        byte[] hash = Hash(secret);
        Credential? found = null;
        foreach (Credential credential in _credentials)
        {
            bool fits = CryptographicOperations.FixedTimeEquals(hash, credential.SecretHash) & string.Equals(credential.User, user, StringComparison.Ordinal);
            found = fits ? credential : found;
        }
        return found;
    }

    private static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
