namespace SloEngine.EndToEnd;

/// <summary>Tests with an engine of their own: a process has one at a time.</summary>
[CollectionDefinition(Name)]
public sealed class EngineCollection
{
    public const string Name = "engine";
}
