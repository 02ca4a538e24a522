using SloEngine.Alerting.Http;

namespace SloEngine.Alerting.Definitions;

/// <summary>A version of an SLO that was saved.</summary>
/// <param name="Id">Id of the SLO.</param>
/// <param name="Version">Version, from 1, counted on over removals.</param>
/// <param name="IsRemoved">Whether the SLO was removed by it.</param>
/// <param name="Text">The definition: as it was sent, or in our own format where it was sent together with others; empty for a removal.</param>
/// <param name="Editor">Who saved it.</param>
/// <param name="Created">When.</param>
public sealed record SloVersion(string Id, uint Version, bool IsRemoved, string Text, Editor Editor, DateTimeOffset Created);
