using System.Globalization;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Loki;

/// <summary>Labels of a stream as Loki's agents write them: <c>{app="shop", level="info"}</c>.</summary>
internal static class StreamLabels
{
    /// <exception cref="OtlpFormatException">The text is no set of labels.</exception>
    public static List<KeyValuePair<string, string>> Parse(string text)
    {
        var labels = new List<KeyValuePair<string, string>>();
        int at = 0;
        Expect('{');
        Blank();
        while (Peek() != '}')
        {
            if (labels.Count > 0)
            {
                Expect(',');
                Blank();
            }
            int start = at;
            while (char.IsAsciiLetterOrDigit(Peek()) || Peek() is '_' or '.' or ':')
            {
                at++;
            }
            string name = text[start..at];
            if (name.Length == 0)
            {
                throw Wrong("a label's name");
            }
            Blank();
            Expect('=');
            Blank();
            labels.Add(KeyValuePair.Create(name, Quoted()));
            Blank();
        }
        return labels;

        char Peek() => at < text.Length ? text[at] : '\0';

        void Blank()
        {
            while (char.IsWhiteSpace(Peek()))
            {
                at++;
            }
        }

        void Expect(char letter)
        {
            if (Peek() != letter)
            {
                throw Wrong($"'{letter}'");
            }
            at++;
        }

        string Quoted()
        {
            int start = at;
            Expect('"');
            while (Peek() is not ('"' or '\0'))
            {
                at += Peek() == '\\' ? 2 : 1;
            }
            Expect('"');
            if (GoText.Unquote(text.AsSpan(start + 1, at - start - 2)) is { } value)
            {
                return value;
            }
            at = start;
            throw Wrong("a quoted value");
        }

        OtlpFormatException Wrong(string expected) => new(string.Create(
            CultureInfo.InvariantCulture, $"the stream's labels '{(text.Length > 200 ? text[..200] + "..." : text)}' do not read at character {at + 1}: expected {expected}"));
    }
}
