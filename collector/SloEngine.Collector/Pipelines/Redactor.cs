using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.RegularExpressions;

namespace SloEngine.Collector.Pipelines;

/// <summary>What is looked for in texts.</summary>
[Flags]
public enum RedactionPatterns
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Tokens after <c>Bearer</c>, and JSON Web Tokens.</summary>
    Bearer = 1,
    /// <summary>Keys of AWS and GitHub, and values after <c>password=</c>, <c>api_key:</c> and the like.</summary>
    ApiKey = 2,
    /// <summary>Card numbers: of a known issuer, as long as its are, with a right check digit (ISO/IEC 7812-1, Luhn).</summary>
    Card = 4,
    /// <summary>E-mail addresses.</summary>
    Email = 8,
    /// <summary>All of them.</summary>
    All = Bearer | ApiKey | Card | Email,
}

/// <summary>
/// Takes secrets and personal data out of texts. A text is searched for the few bytes that each pattern cannot do without, and looked at
/// closer only around them, so that the time is linear in its length. Safe for concurrent use.
/// </summary>
/// <param name="patterns">What is looked for.</param>
/// <param name="custom">Further expressions, by their names.</param>
public sealed class Redactor(RedactionPatterns patterns, IReadOnlyList<(string Name, Regex Pattern)> custom)
{
    private const int LongestName = 48;
    private const int LongestLocalPart = 64;
    private const int LongestUserInformation = 512;

    /// <summary>Most values of attributes are shorter, and cannot hold a key or a card's number.</summary>
    private const int ShortestToken = 16;
    private const int ShortestCard = 13;
    private const long LeastCard = 1_000_000_000_000;

    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="u8);
    private static readonly SearchValues<byte> WordBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"u8);
    private static readonly SearchValues<byte> MailBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-"u8);
    private static readonly SearchValues<byte> DomainBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"u8);
    private static readonly SearchValues<byte> ValueEnds = SearchValues.Create(" \t\r\n\"'&,;)}]<>"u8);
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);
    private static readonly SearchValues<byte> AuthorityEnds = SearchValues.Create(" \t\r\n\"'<>\\/?#"u8);
    private static readonly SearchValues<byte> UrlEnds = SearchValues.Create(" \t\r\n\"'<>"u8);
    private static readonly SearchValues<byte> Assignments = SearchValues.Create("=:"u8);

    /// <summary>Ends of names, without <c>_</c> and <c>-</c>, whose values are secrets.</summary>
    private static readonly string[] SecretNames =
        ["password", "passwd", "passphrase", "pwd", "secret", "apikey", "accesskey", "secretkey", "privatekey", "secretaccesskey", "accesstoken", "authtoken", "refreshtoken", "authorization"];

    /// <summary>Last letters of those: most names have another, and are looked at no further.</summary>
    private static ReadOnlySpan<byte> SecretNamesEnd => "detyn"u8;

    /// <summary>The text without what is looked for; null where there is none of it.</summary>
    public byte[]? Redact(ReadOnlySpan<byte> text)
    {
        List<Found>? found = null;
        if (text.Length >= ShortestToken && patterns.HasFlag(RedactionPatterns.Bearer))
        {
            FindBearer(text, "earer "u8, ref found);
            FindBearer(text, "EARER "u8, ref found);
            FindJsonWebTokens(text, ref found);
        }
        if (patterns.HasFlag(RedactionPatterns.ApiKey))
        {
            if (text.Length >= ShortestToken)
            {
                FindAwsKeys(text, "AKIA"u8, ref found);
                FindAwsKeys(text, "ASIA"u8, ref found);
                FindGitHubTokens(text, "gh"u8, ref found);
                FindGitHubTokens(text, "github_pat_"u8, ref found);
            }
            FindAssignments(text, ref found);
            FindPasswordsOfUrls(text, ref found);
        }
        if (text.Length >= ShortestCard && patterns.HasFlag(RedactionPatterns.Card))
        {
            FindCards(text, ref found);
        }
        if (patterns.HasFlag(RedactionPatterns.Email))
        {
            FindEmails(text, ref found);
        }
        byte[]? changed = found is null ? null : Replace(text, found);
        return custom.Count == 0 ? changed : RedactCustom(text, changed);
    }

    /// <summary>The same of the value of an attribute, all of which is a secret when the attribute's name says so; the value itself where nothing is found.</summary>
    public ReadOnlySpan<byte> RedactValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty && IsSecret(key))
        {
            return Secret;
        }
        return Redact(value) is { } changed ? changed : value;
    }

    /// <summary>Whether the name of an attribute says that all of its value is a secret.</summary>
    public bool IsSecret(ReadOnlySpan<byte> key) => patterns.HasFlag(RedactionPatterns.ApiKey) && !key.IsEmpty && IsSecretName(key);

    /// <summary>What stands for a number; empty where it is none of those that are looked for.</summary>
    public ReadOnlySpan<byte> RedactNumber(long value)
    {
        Span<byte> digits = stackalloc byte[20];
        if (value < LeastCard || !patterns.HasFlag(RedactionPatterns.Card) || !Utf8Formatter.TryFormat(value, digits, out int length))
        {
            return default;
        }
        foreach (ref byte digit in digits[..length])
        {
            digit -= (byte)'0';
        }
        return IsCard(digits[..length]) ? "[redacted:card]"u8 : default;
    }

    /// <summary>What stands for a secret.</summary>
    public static ReadOnlySpan<byte> Secret => "[redacted:secret]"u8;

    private readonly record struct Found(int Start, int End, string Kind, int Order);

    private static void Add(ref List<Found>? found, int start, int end, string kind)
    {
        found ??= [];
        found.Add(new Found(start, end, kind, found.Count));
    }

    private static byte[] Replace(ReadOnlySpan<byte> text, List<Found> found)
    {
        // Of those that begin together the one that takes the most, or was found first: a password that is a mail's address is a secret.
        found.Sort(static (left, right) => (left.Start, -left.End, left.Order).CompareTo((right.Start, -right.End, right.Order)));
        var output = new ArrayBufferWriter<byte>(text.Length + 32);
        int unwritten = 0;
        for (int index = 0; index < found.Count; index++)
        {
            (int start, int end, string kind, _) = found[index];
            if (start < unwritten)
            {
                // Begins within the one before: what that leaves of it goes, too.
                unwritten = Math.Max(unwritten, end);
                continue;
            }
            output.Write(text[unwritten..start]);
            output.Write(Encoding.UTF8.GetBytes($"[redacted:{kind}]"));
            unwritten = end;
        }
        output.Write(text[unwritten..]);
        return output.WrittenSpan.ToArray();
    }

    private byte[]? RedactCustom(ReadOnlySpan<byte> text, byte[]? changed)
    {
        string whole = Encoding.UTF8.GetString(changed ?? text);
        string before = whole;
        foreach ((string name, Regex pattern) in custom)
        {
            whole = pattern.Replace(whole, _ => $"[redacted:{name}]");
        }
        return ReferenceEquals(whole, before) ? changed : Encoding.UTF8.GetBytes(whole);
    }

    private static void FindBearer(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf(word)) >= 0;)
        {
            int start = from + at + word.Length;
            int length = Run(text[start..], TokenBytes);
            from = start;
            ReadOnlySpan<byte> token = text.Slice(start, length);
            // A word of prose has no digit, and is not that long.
            if (from + at > 0 && length >= 16 && (length >= 40 || token.ContainsAnyInRange((byte)'0', (byte)'9')))
            {
                Add(ref found, start, start + length, "bearer");
                from = start + length;
            }
        }
    }

    /// <summary>JSON Web Tokens (RFC 7519): three parts of base64url, of which the first two begin with <c>{"</c>.</summary>
    private static void FindJsonWebTokens(ReadOnlySpan<byte> text, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf("eyJ"u8)) >= 0;)
        {
            int start = from + at;
            int length = Run(text[start..], TokenBytes);
            ReadOnlySpan<byte> token = text.Slice(start, length);
            int dot = token.IndexOf(".eyJ"u8);
            if (dot > 0 && token[(dot + 1)..].Contains((byte)'.') && !IsWordBefore(text, start))
            {
                Add(ref found, start, start + length, "token");
            }
            from = start + Math.Max(3, length);
        }
    }

    private static void FindAwsKeys(ReadOnlySpan<byte> text, ReadOnlySpan<byte> prefix, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf(prefix)) >= 0;)
        {
            int start = from + at;
            int length = Run(text[start..], WordBytes);
            if (length == 20 && !IsWordBefore(text, start) && !text.Slice(start, length).ContainsAnyInRange((byte)'_', (byte)'z'))
            {
                Add(ref found, start, start + length, "aws-key");
            }
            from = start + Math.Max(4, length);
        }
    }

    private static void FindGitHubTokens(ReadOnlySpan<byte> text, ReadOnlySpan<byte> prefix, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf(prefix)) >= 0;)
        {
            int start = from + at;
            from = start + prefix.Length;
            ReadOnlySpan<byte> rest = text[start..];
            bool isPersonal = prefix.Length > 2;
            if (IsWordBefore(text, start) || (!isPersonal && !(rest.Length > 4 && rest[3] == '_' && "pousr"u8.Contains(rest[2]))))
            {
                continue;
            }
            int length = Run(rest, WordBytes);
            if (length >= (isPersonal ? 33 : 40))
            {
                Add(ref found, start, start + length, "github-token");
            }
            from = start + length;
        }
    }

    /// <summary><c>name=value</c> and <c>name: value</c>, either in quotes or not, where the name is that of a secret.</summary>
    private static void FindAssignments(ReadOnlySpan<byte> text, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOfAny(Assignments)) >= 0;)
        {
            int sign = from + at;
            from = sign + 1;
            int nameEnd = sign;
            while (nameEnd > 0 && sign - nameEnd < 4 && text[nameEnd - 1] is (byte)' ' or (byte)'"' or (byte)'\'' or (byte)'\\')
            {
                nameEnd--;
            }
            if (!IsSecretName(text[Math.Max(0, nameEnd - LongestName)..nameEnd]))
            {
                continue;
            }
            int start = sign + 1;
            // "password := x", "password == x" and "password => x" as well.
            while (start < text.Length && text[start] is (byte)' ' or (byte)'\t' or (byte)'\\' or (byte)'=' or (byte)':' or (byte)'>')
            {
                start++;
            }
            byte quote = start < text.Length && text[start] is (byte)'"' or (byte)'\'' ? text[start++] : (byte)0;
            int end = quote == 0 ? End(text, start, ValueEnds) : ClosingQuote(text, start, quote);
            // "Authorization: Basic dXNlcjpwYXNz" has its secret behind the scheme, "Authorization: Digest username=..." all over the line.
            if (quote == 0 && end < text.Length && Ascii.EqualsIgnoreCase(text[start..end], "Digest"u8))
            {
                start = end + 1;
                end = End(text, start, LineEnds);
            }
            else if (quote == 0 && end < text.Length && IsScheme(text[start..end]))
            {
                start = end + 1;
                end = End(text, start, ValueEnds);
            }
            if (end > start && !text[start..end].StartsWith("[redacted"u8))
            {
                Add(ref found, start, end, "secret");
                from = end;
            }
        }
    }

    private static int End(ReadOnlySpan<byte> text, int start, SearchValues<byte> ends) => text[start..].IndexOfAny(ends) is var length && length < 0 ? text.Length : start + length;

    /// <summary>
    /// Where a quoted text ends, before its closing quote: in JSON within texts, quotes and backslashes stand behind backslashes themselves, as many as the opening quote has, and a quote within the
    /// text behind more of them.
    /// </summary>
    private static int ClosingQuote(ReadOnlySpan<byte> text, int start, byte quote)
    {
        int opening = Backslashes(text, start - 1);
        for (int from = start, at; (at = text[from..].IndexOf(quote)) >= 0; from += at + 1)
        {
            int before = Math.Min(Backslashes(text, from + at), from + at - start);
            if (before >= opening && (before - opening) % (2 * (opening + 1)) == 0)
            {
                return from + at - opening;
            }
        }
        return text.Length;
    }

    private static int Backslashes(ReadOnlySpan<byte> text, int end)
    {
        int count = 0;
        while (count < end && text[end - count - 1] == '\\')
        {
            count++;
        }
        return count;
    }

    /// <summary><c>scheme://user:password@host</c> (RFC 3986, "User Information"), also where the password has what should have been escaped.</summary>
    private static void FindPasswordsOfUrls(ReadOnlySpan<byte> text, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf("://"u8)) >= 0;)
        {
            int start = from + at + "://".Length;
            from = End(text, start, AuthorityEnds);
            ReadOnlySpan<byte> authority = text[start..from];
            int sign = authority.LastIndexOf((byte)'@');
            int colon = (sign < 0 ? authority : authority[..sign]).IndexOf((byte)':');
            if (colon < 0)
            {
                continue;
            }
            if (sign < 0 && authority[0] != '[' && authority[(colon + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                // No port, and no address of IPv6: a password with a slash or the like.
                ReadOnlySpan<byte> near = text.Slice(start, Math.Min(LongestUserInformation, text.Length - start));
                authority = near[..End(near, 0, UrlEnds)];
                sign = authority.LastIndexOf((byte)'@');
            }
            if (sign > colon + 1 && !authority[(colon + 1)..].StartsWith("[redacted"u8))
            {
                Add(ref found, start + colon + 1, start + sign, "secret");
                from = start + sign;
            }
        }
    }

    /// <summary>Whether a word is a scheme of HTTP authorization, whatever its case.</summary>
    private static bool IsScheme(ReadOnlySpan<byte> word) =>
        Ascii.EqualsIgnoreCase(word, "Basic"u8) || Ascii.EqualsIgnoreCase(word, "Bearer"u8) || Ascii.EqualsIgnoreCase(word, "Token"u8)
        || Ascii.EqualsIgnoreCase(word, "ApiKey"u8) || Ascii.EqualsIgnoreCase(word, "Splunk"u8);

    /// <summary>Whether the last word of a name is that of a secret, whatever its case, with or without <c>_</c> and <c>-</c>.</summary>
    private static bool IsSecretName(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || !SecretNamesEnd.Contains((byte)(name[^1] | 0x20)))
        {
            return false;
        }
        Span<char> letters = stackalloc char[LongestName];
        int first = LongestName;
        for (int index = name.Length - 1; index >= 0 && first > 0; index--)
        {
            byte letter = name[index];
            if (letter is (byte)'_' or (byte)'-')
            {
                continue;
            }
            if (!char.IsAsciiLetterOrDigit((char)letter))
            {
                break;
            }
            letters[--first] = char.ToLowerInvariant((char)letter);
        }
        ReadOnlySpan<char> word = letters[first..];
        foreach (string secret in SecretNames)
        {
            if (word.EndsWith(secret, StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private static void FindCards(ReadOnlySpan<byte> text, ref List<Found>? found)
    {
        Span<byte> digits = stackalloc byte[20];
        Span<(int Count, int End)> groups = stackalloc (int, int)[20];
        for (int from = 0, at; (at = text[from..].IndexOfAnyInRange((byte)'0', (byte)'9')) >= 0;)
        {
            int start = from + at;
            int count = 0;
            int ended = 0;
            int end = start;
            int position = start;
            // Groups may stand apart by a single blank or hyphen.
            while (position < text.Length && count < digits.Length)
            {
                byte letter = text[position];
                if (letter is >= (byte)'0' and <= (byte)'9')
                {
                    digits[count++] = (byte)(letter - '0');
                    end = ++position;
                }
                else if (letter is (byte)' ' or (byte)'-' && position == end && position + 1 < text.Length && char.IsAsciiDigit((char)text[position + 1]))
                {
                    groups[ended++] = (count, end);
                    position++;
                }
                else
                {
                    break;
                }
            }
            if (count < digits.Length && (end == text.Length || !WordBytes.Contains(text[end])))
            {
                groups[ended++] = (count, end);
            }
            bool apart = !IsWordBefore(text, start) && (start == 0 || text[start - 1] is not ((byte)'.' or (byte)'-'));
            // Other numbers may follow a card's: when it expires, or its check value.
            while (ended > 0 && !(apart && IsCard(digits[..groups[ended - 1].Count])))
            {
                ended--;
            }
            if (ended > 0)
            {
                from = groups[ended - 1].End;
                Add(ref found, start, from, "card");
            }
            else
            {
                from = start + Math.Max(1, Digits(text[start..]));
            }
        }
    }

    /// <summary>Issuers' first digits and lengths, and the check digit.</summary>
    private static bool IsCard(ReadOnlySpan<byte> digits)
    {
        if (digits.Length is < 13 or > 19)
        {
            return false;
        }
        int two = (digits[0] * 10) + digits[1];
        int four = (two * 100) + (digits[2] * 10) + digits[3];
        bool isIssued = digits[0] == 4 ? digits.Length is 13 or 16 or 19
            : two is >= 51 and <= 55 || four is >= 2221 and <= 2720 ? digits.Length == 16
            : two is 34 or 37 ? digits.Length == 15
            : two is 36 or 38 or 39 || four is >= 3000 and <= 3059 ? digits.Length == 14
            : four is >= 3528 and <= 3589 ? digits.Length is >= 16
            : four == 6011 || two is 62 or 65 || four is >= 6440 and <= 6499 ? digits.Length is >= 16
            : false;
        int sum = 0;
        for (int index = 0; index < digits.Length; index++)
        {
            int digit = digits[^(index + 1)];
            int doubled = index % 2 == 0 ? digit : digit * 2;
            sum += doubled > 9 ? doubled - 9 : doubled;
        }
        return isIssued && sum % 10 == 0;
    }

    private static void FindEmails(ReadOnlySpan<byte> text, ref List<Found>? found)
    {
        for (int from = 0, at; (at = text[from..].IndexOf((byte)'@')) >= 0;)
        {
            int sign = from + at;
            int start = sign;
            while (start > from && sign - start < LongestLocalPart && MailBytes.Contains(text[start - 1]))
            {
                start--;
            }
            int end = sign + 1 + Run(text[(sign + 1)..], DomainBytes);
            while (end > sign + 1 && text[end - 1] is (byte)'.' or (byte)'-')
            {
                end--;
            }
            ReadOnlySpan<byte> domain = text[(sign + 1)..end];
            int dot = domain.LastIndexOf((byte)'.');
            bool isMail = start < sign && dot > 0 && domain.Length - dot > 2 && !domain[(dot + 1)..].ContainsAnyExceptInRange((byte)'A', (byte)'z');
            if (isMail)
            {
                Add(ref found, start, end, "email");
            }
            from = isMail ? end : sign + 1;
        }
    }

    private static int Run(ReadOnlySpan<byte> text, SearchValues<byte> of) => text.IndexOfAnyExcept(of) is var end && end < 0 ? text.Length : end;

    private static int Digits(ReadOnlySpan<byte> text) => text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') is var end && end < 0 ? text.Length : end;

    private static bool IsWordBefore(ReadOnlySpan<byte> text, int start) => start > 0 && WordBytes.Contains(text[start - 1]);
}
