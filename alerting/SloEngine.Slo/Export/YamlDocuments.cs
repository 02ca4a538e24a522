using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.EventEmitters;

namespace SloEngine.Slo.Export;

/// <summary>Writes documents of one YAML file.</summary>
internal static class YamlDocuments
{
    /// <summary>The documents as text.</summary>
    public static string Write(IEnumerable<object> documents)
    {
        ISerializer serializer = new SerializerBuilder().DisableAliases().WithEventEmitter(static next => new QuoteAmbiguous(next)).Build();
        return string.Join("---\n", documents.Select(serializer.Serialize));
    }

    /// <summary>Texts that a reader could take for something else, such as a label's value 2, stand in quotes.</summary>
    private sealed class QuoteAmbiguous(IEventEmitter next) : ChainedEventEmitter(next)
    {
        public override void Emit(ScalarEventInfo eventInfo, IEmitter emitter)
        {
            if (eventInfo.Source.Value is string text && (double.TryParse(text, CultureInfo.InvariantCulture, out _) || text is "" or "true" or "false" or "null" or "~" or "yes" or "no"))
            {
                eventInfo.Style = ScalarStyle.DoubleQuoted;
            }
            base.Emit(eventInfo, emitter);
        }
    }
}
