using Microsoft.AspNetCore.Http;

namespace SloEngine.Alerting.Http;

/// <summary>Who changes something.</summary>
/// <param name="Author">Who says so.</param>
/// <param name="Credential">Whose credential came with the request; empty without authentication.</param>
public sealed record Editor(string Author, string Credential)
{
    private const int LongestName = 200;

    /// <summary>Who sent a request: the author that it names, else the holder of its credential.</summary>
    internal static Editor Of(HttpContext http, string? author)
    {
        string credential = http.User.Identity?.Name ?? "";
        string name = string.IsNullOrWhiteSpace(author) ? credential : author.Trim();
        return name.Length <= LongestName ? new Editor(name, credential) : throw ApiProblemException.BadRequest($"author has {name.Length} characters, expected up to {LongestName}");
    }
}
