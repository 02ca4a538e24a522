using System.Text.Encodings.Web;
using System.Text.Json;

namespace SloEngine.Query.Http;

/// <summary>How answers in JSON are written.</summary>
internal static class ApiJson
{
    /// <summary>Nobody embeds these answers into a page: a plus, or a quote in an error message, is to be read as it is.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
}
