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
        Find(kind, reference.Text) ?? throw reference.Fail($"there is no {kind} '{reference.Text}'");

    /// <summary>An object that stands inline or is referred to by name.</summary>
    public YamlPlace Resolve(YamlPlace place, string kind, string referenceKey) =>
        place.IsScalar ? Get(kind, place) : place.Optional(referenceKey) is { } reference ? Get(kind, reference) : place;
}
