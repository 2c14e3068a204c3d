// ReadCodec.java
// Java's own decoders for test_codecs.py: java ReadCodec.java gzip|deflate FILE... , prints one SHA-256 per file.

import java.io.FileInputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;

public class ReadCodec
{
	public static void main(String[] args) throws Exception
	{
		for (int i = 1; i < args.length; i++)
		{
			MessageDigest digest = MessageDigest.getInstance("SHA-256");
			byte[] piece = new byte[8192];

			try (InputStream file = new FileInputStream(args[i]);
				 InputStream in = args[0].equals("gzip") ? new GZIPInputStream(file) : new InflaterInputStream(file))
			{
				for (int size; (size = in.read(piece)) > 0;)
					digest.update(piece, 0, size);
			}
			StringBuilder text = new StringBuilder();
			for (byte b : digest.digest())
				text.append(String.format("%02x", b));
			System.out.println(text);
		}
	}
}
