namespace SloEngine.Slo.OpenSlo;

/// <summary>Named objects of OpenSLO documents, which others refer to.</summary>
internal sealed class OpenSloObjects
{
    private readonly Dictionary<(string Kind, string Name), YamlPlace> _objects = [];

    /// <summary>Adds an object.</summary>
    public void Add(string kind, YamlPlace name, YamlPlace document)
    {
        if (!_objects.TryAdd((kind, name.Text), document))
        {
            throw name.Fail($"{kind} '{name.Text}' is defined twice, first in {_objects[(kind, name.Text)].Source}");
        }
    }

    /// <summary>An object, or null.</summary>
    public YamlPlace? Find(string kind, string name) => _objects.GetValueOrDefault((kind, name));

    /// <summary>The object that a place refers to.</summary>
    public YamlPlace Get(string kind, YamlPlace reference) =>
        Find(kind, reference.Text) ?? throw Missing(kind, reference);

    /// <summary>The name by which a place refers to an object; null when that stands inline.</summary>
    public static YamlPlace? Reference(YamlPlace place, string referenceKey) => place.IsScalar ? place : place.Optional(referenceKey);

    /// <summary>An object that stands inline or is referred to by name.</summary>
    public YamlPlace Resolve(YamlPlace place, string kind, string referenceKey) =>
        Reference(place, referenceKey) is { } reference ? Get(kind, reference) : place;

    /// <summary>What is wrong with a reference to an object that stands nowhere.</summary>
    public static SloFileException Missing(string kind, YamlPlace reference) => reference.Fail($"there is no {kind} '{reference.Text}'");
}
