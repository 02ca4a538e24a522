using System.Globalization;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Gateway;

/// <summary>How far each node is, durably: a directory a node beside the log.</summary>
internal sealed class NodeQueues(WriteAheadLog log)
{
    private const string Nodes = "nodes";

    private readonly string _directory = Path.Combine(log.Directory, Nodes);

    /// <summary>The file that says that a node knows more of the log of a directory than that has (<see cref="NodeForwarder.PutBack"/>).</summary>
    public static string PutBackMark(string logDirectory, string node) => Path.Combine(logDirectory, Nodes, Uri.EscapeDataString(node), "put-back");

    /// <summary>Position that the log of a directory has reached, as its nodes know; 0 without any.</summary>
    public static long Reached(string logDirectory)
    {
        string nodes = Path.Combine(logDirectory, Nodes);
        return Directory.Exists(nodes) ? Directory.EnumerateDirectories(nodes).Max(node => (long?)WalCheckpoint.LastIntent(node)) ?? 0 : 0;
    }

    /// <summary>Opens the checkpoint of a node; a new node begins where the log does.</summary>
    public WalCheckpoint Checkpoint(GatewayNode node)
    {
        string directory = Path.Combine(_directory, Uri.EscapeDataString(node.Name));
        Directory.CreateDirectory(directory);
        return WalCheckpoint.Open(directory, log);
    }

    /// <summary>Makes sure that nothing waits for a node that is gone: its slices would never be forwarded.</summary>
    /// <exception cref="InvalidDataException">Something does.</exception>
    public void RequireDelivered(IReadOnlyList<GatewayNode> nodes)
    {
        if (!Directory.Exists(_directory))
        {
            return;
        }
        foreach (string directory in Directory.EnumerateDirectories(_directory))
        {
            string name = Uri.UnescapeDataString(Path.GetFileName(directory));
            if (nodes.Any(node => node.Name == name))
            {
                continue;
            }
            long waiting = Waiting(directory, Rendezvous.Key(name));
            if (waiting > 0)
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"gateway.engines: node {name} is not among them, and {waiting} acknowledged bytes wait for it: keep it until they are delivered (under another address: {name}=URL), or give them up by deleting {directory}"));
            }
            Directory.Delete(directory, recursive: true);
        }
    }

    private long Waiting(string directory, ulong node)
    {
        using var checkpoint = WalCheckpoint.Open(directory, log);
        long waiting = 0;
        long from = Math.Max(checkpoint.Stored, log.Start);
        long end = log.End;
        while (from < end)
        {
            try
            {
                foreach (WalRecord record in log.Read(from, end))
                {
                    if (new GatewayRecord(record.Payload.Span).TryGetSlice(node, out ReadOnlySpan<byte> slice))
                    {
                        waiting += slice.Length;
                    }
                }
                break;
            }
            catch (WalCorruptionException damage)
            {
                from = damage.ResumeAt;
            }
        }
        return waiting;
    }
}
