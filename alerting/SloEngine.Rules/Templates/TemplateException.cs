using System.Globalization;
using System.Text;

namespace SloEngine.Rules.Templates;

/// <summary>A template that cannot be read or expanded; messages are those of Prometheus.</summary>
public sealed class TemplateException : Exception
{
    private TemplateException(string message)
        : base(message)
    {
    }

    /// <summary>An error in the template's text, which has a line but no column.</summary>
    internal static TemplateException Parsing(string name, string text, int position, string message)
    {
        int line = text.AsSpan(0, Math.Min(position, text.Length)).Count('\n') + 1;
        return new TemplateException(string.Create(CultureInfo.InvariantCulture, $"template: {name}:{line}: {message}"));
    }

    /// <summary>An error while a template is expanded, at a part of it.</summary>
    internal static TemplateException Executing(string name, string text, TemplateNode at, string shown, string message)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, at.Position);
        int line = before.Count('\n') + 1;
        int column = Encoding.UTF8.GetByteCount(before[(before.LastIndexOf('\n') + 1)..]);
        return new TemplateException(string.Create(
            CultureInfo.InvariantCulture, $"template: {name}:{line}:{column}: executing \"{name}\" at <{shown}>: {message}"));
    }

    /// <summary>The same error within another one.</summary>
    internal TemplateException Within(string context) => new($"{context}: {Message}");
}
