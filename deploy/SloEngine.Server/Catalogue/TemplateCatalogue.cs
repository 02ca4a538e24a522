using System.Text.RegularExpressions;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Catalogue;

/// <summary>The templates that come with the program: standard indicators and detectors of failure modes of a platform.</summary>
internal static partial class TemplateCatalogue
{
    /// <summary>All of them, in the order of the manifest.</summary>
    public static IReadOnlyList<CatalogueTemplate> All { get; } =
        [.. YamlPlace.Documents("catalogue.yaml", Resource("catalogue.yaml"))[0].Required("templates").Items.Select(Read)];

    /// <summary>A template by its id or name; null when there is none.</summary>
    public static CatalogueTemplate? Find(string text) => All.FirstOrDefault(
        template => template.Id.Equals(text, StringComparison.OrdinalIgnoreCase) || template.Name.Equals(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>Values of parameters, given as <c>name=value</c>, for templates that are to know each of them.</summary>
    /// <exception cref="FormatException">One is not of that form, is not known, or would not stay within its place.</exception>
    public static IReadOnlyDictionary<string, string> Values(IEnumerable<string> given, IReadOnlyList<CatalogueTemplate> templates)
    {
        string[] known = [.. templates.SelectMany(template => template.Parameters).Select(parameter => parameter.Name).Distinct()];
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string text in given)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string name = equals > 0 ? text[..equals] : throw new FormatException($"--set {text}: expected NAME=VALUE");
            string value = text[(equals + 1)..];
            if (!known.Contains(name))
            {
                throw new FormatException($"--set {text}: there is no parameter '{name}', expected one of {string.Join(", ", known)}");
            }
            if (!Plain().IsMatch(value))
            {
                throw new FormatException($"--set {text}: expected 1 to 200 letters, digits, spaces and any of . , : / _ - + * | ? ( ) [ ] ^");
            }
            values[name] = value;
        }
        return values;
    }

    private static CatalogueTemplate Read(YamlPlace place)
    {
        string name = place.Required("name").Text;
        return new CatalogueTemplate
        {
            Id = place.Required("id").Text,
            Name = name,
            Kind = place.Required("kind").Text == "slo" ? TemplateKind.Slo : TemplateKind.Rules,
            Title = place.Required("title").Text,
            Description = place.Required("description").Text,
            Parameters = [.. place.Required("parameters").Items.Select(parameter =>
                new TemplateParameter(parameter.Required("name").Text, parameter.Required("default").Text, parameter.Required("description").Text))],
            Text = Resource(name + ".yaml"),
            RunbookText = Resource(name + ".md"),
        };
    }

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(TemplateCatalogue).Assembly.GetManifestResourceStream("catalogue/" + name)!);
        return reader.ReadToEnd();
    }

    /// <summary>What means the same inside and outside of quotes, of YAML as of PromQL.</summary>
    [GeneratedRegex(@"^[\w .,:/+*|?()\[\]^-]{1,200}\z")]
    private static partial Regex Plain();
}
