using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

internal enum TokenKind
{
    End,
    /// <summary>Text that is no token: what is wrong with it.</summary>
    Error,
    Identifier,
    /// <summary>An identifier with colons.</summary>
    MetricIdentifier,
    Number,
    Duration,
    Text,
    /// <summary>Punctuation.</summary>
    Symbol,
    /// <summary>An operator, also one that is a word.</summary>
    Operator,
    Aggregator,
    Keyword,
    /// <summary>Words that are functions of the query's own times.</summary>
    Preprocessor,
}

/// <summary>A token.</summary>
/// <param name="Kind">Kind.</param>
/// <param name="Source">The text it was read from; of an error what is wrong.</param>
/// <param name="Range">Where it stands.</param>
internal readonly record struct Token(TokenKind Kind, string Source, SourceRange Range)
{
    /// <summary>Words by their lower case.</summary>
    public string Name => Kind is TokenKind.Operator or TokenKind.Aggregator or TokenKind.Keyword or TokenKind.Preprocessor ? Source.ToLowerInvariant() : Source;

    /// <summary>How messages name the token.</summary>
    public string Describe() => Kind switch
    {
        TokenKind.End => "end of input",
        TokenKind.Identifier => $"identifier {QuotedText.Quote(Source)}",
        TokenKind.MetricIdentifier => $"metric identifier {QuotedText.Quote(Source)}",
        TokenKind.Number => $"number {Shortened()}",
        TokenKind.Duration => $"duration {Shortened()}",
        TokenKind.Text => $"string {Shortened()}",
        TokenKind.Operator => $"<op:{Source}>",
        TokenKind.Aggregator => $"<aggr:{Source}>",
        TokenKind.Keyword => $"<{Source}>",
        _ => Shortened(),
    };

    private string Shortened()
    {
        const int Most = 10;
        return Source.Length > Most ? QuotedText.Quote(Source[..Most]) + "..." : QuotedText.Quote(Source);
    }
}
