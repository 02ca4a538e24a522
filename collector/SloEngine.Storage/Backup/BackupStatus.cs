using System.Text.Json.Serialization;

namespace SloEngine.Storage.Backup;

/// <summary>How far a backup or restore is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BackupState>))]
public enum BackupState
{
    /// <summary>Under way.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>Complete.</summary>
    [JsonStringEnumMemberName("done")]
    Done,

    /// <summary>Given up; the error says why.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}

/// <summary>A backup or restore as the engine tells of it.</summary>
/// <param name="Name">Name of the backup.</param>
/// <param name="State">How far it is.</param>
/// <param name="Files">Files of the backup so far, those of its base included.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="CopiedBytes">Bytes copied: for an incremental backup, what its base does not have.</param>
/// <param name="StoreBytes">Bytes of the store, to which <paramref name="Bytes"/> grows.</param>
/// <param name="Error">The engine's message; empty without one.</param>
public sealed record BackupStatus(string Name, BackupState State, long Files, long Bytes, long CopiedBytes, long StoreBytes, string Error);
