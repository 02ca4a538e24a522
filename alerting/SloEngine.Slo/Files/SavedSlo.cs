namespace SloEngine.Slo.Files;

/// <summary>An SLO that was saved through the API.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Version">Version, from 1.</param>
/// <param name="Text">A file, in any of the formats, that defines it; what else that defines is not looked at.</param>
public sealed record SavedSlo(string Id, uint Version, string Text)
{
    /// <summary>Name that stands for a file's in errors.</summary>
    public string Name => $"{Id}@{Version}";
}
