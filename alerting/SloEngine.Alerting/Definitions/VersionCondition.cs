using System.Globalization;
using Microsoft.AspNetCore.Http;
using SloEngine.Alerting.Http;

namespace SloEngine.Alerting.Definitions;

/// <summary>The version that somebody who changes an SLO has seen (RFC 9110, <c>If-Match</c> and <c>If-None-Match</c>).</summary>
public sealed record VersionCondition
{
    private readonly string? _match;
    private readonly bool _isNew;

    /// <summary>Reads the headers of a request.</summary>
    public VersionCondition(IHeaderDictionary headers)
    {
        _match = headers.IfMatch.Count > 0 ? headers.IfMatch.ToString() : null;
        _isNew = headers.IfNoneMatch.ToString() == "*";
    }

    /// <summary>A version as an entity tag.</summary>
    public static string Tag(uint version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    /// <summary>Checks the version that there is; null for none.</summary>
    /// <exception cref="ApiProblemException">Another was expected, or the request does not say which.</exception>
    public void Check(string id, uint? current)
    {
        if (_isNew && current is not null)
        {
            throw new ApiProblemException(StatusCodes.Status412PreconditionFailed, $"there is an SLO '{id}' already, of version {current}");
        }
        if (current is { } version && _match is null)
        {
            throw new ApiProblemException(
                StatusCodes.Status428PreconditionRequired, $"SLO '{id}' is of version {version}; say by If-Match: {Tag(version)} that this is the version you have seen, or by * that it does not matter");
        }
        if (_match is not null && (current is not { } known || (_match != "*" && !_match.Split(',', StringSplitOptions.TrimEntries).Contains(Tag(known)))))
        {
            throw new ApiProblemException(
                StatusCodes.Status412PreconditionFailed,
                current is null ? $"there is no SLO '{id}' that was saved, If-Match expects {_match}" : $"SLO '{id}' is of version {current}, If-Match expects {_match}; read it again");
        }
    }
}
